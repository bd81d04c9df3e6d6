#include "engine/memory/failing_os.h"

#include <filesystem>

namespace varve::test {

using Held = std::unique_lock<std::mutex>;

class FailingOs::FailingFile final : public File {
 public:
  FailingFile(FailingOs& os, std::string path, std::unique_ptr<File> file)
      : os_(os), path_(std::move(path)), file_(std::move(file)) {}
  Result<size_t> read_at(uint64_t offset, MutableBytes into) override {
    return file_->read_at(offset, into);
  }
  Status write_at(uint64_t offset, Bytes bytes) override {
    if (Status status = os_.call(); !status) return status;
    return file_->write_at(offset, bytes);
  }
  Status sync() override {
    if (Status status = os_.call(); !status) return status;
    const Result<uint64_t> bytes = file_->size();
    if (!bytes) return bytes.error();
    const Held held(os_.mutex_);
    const auto known = os_.files_.find(path_);
    if (known != os_.files_.end()) known->second.synced_bytes = *bytes;
    return Status::ok();
  }
  Result<uint64_t> size() override { return file_->size(); }
  Status resize(uint64_t size) override {
    if (Status status = os_.call(); !status) return status;
    return file_->resize(size);
  }
  void will_read(uint64_t offset, uint64_t size) override { file_->will_read(offset, size); }

 private:
  FailingOs& os_;
  const std::string path_;
  const std::unique_ptr<File> file_;
};

void FailingOs::fail_call(uint64_t nth, Code code, uint64_t times) {
  const Held held(mutex_);
  fail_from_ = call_count_ + nth;
  fail_times_ = times;
  fail_code_ = code;
}

Status FailingOs::call() {
  const Held held(mutex_);
  ++call_count_;
  const bool fails = call_count_ >= fail_from_ && call_count_ - fail_from_ < fail_times_;
  if (!fails) return Status::ok();
  has_failed_ = true;
  return {fail_code_, "os: asked to fail"};
}

void FailingOs::forget() {
  for (const auto& [path, known] : files_) {
    if (!std::filesystem::exists(path)) continue;
    if (!known.name_is_synced) {
      std::filesystem::remove(path);
    } else if (std::filesystem::file_size(path) > known.synced_bytes) {
      std::filesystem::resize_file(path, known.synced_bytes);
    }
  }
  files_.clear();
}

Result<std::unique_ptr<File>> FailingOs::open(const std::string& path, OpenMode mode) {
  if (mode == OpenMode::kCreate) {
    if (Status status = call(); !status) return status;
  }
  Result<std::unique_ptr<File>> file = os_.open(path, mode);
  if (!file) return file;
  if (mode == OpenMode::kCreate) {
    const Held held(mutex_);
    files_[path] = {};
  }
  return std::unique_ptr<File>(std::make_unique<FailingFile>(*this, path, std::move(*file)));
}

Status FailingOs::remove(const std::string& path) {
  if (Status status = call(); !status) return status;
  const Held held(mutex_);
  files_.erase(path);
  return os_.remove(path);
}

Status FailingOs::rename(const std::string& from, const std::string& to) {
  if (Status status = call(); !status) return status;
  const Held held(mutex_);
  const auto known = files_.find(from);
  if (known != files_.end()) {
    files_[to] = {false, known->second.synced_bytes};
    files_.erase(from);
  }
  return os_.rename(from, to);
}

Status FailingOs::sync_directory(const std::string& path) {
  if (Status status = call(); !status) return status;
  const Held held(mutex_);
  for (auto& [name, known] : files_) known.name_is_synced |= name.starts_with(path + "/");
  return os_.sync_directory(path);
}

}  // namespace varve::test
