#include "engine/memory/checkpoint.h"

#include <algorithm>

#include "engine/memory/stream_format.h"

namespace varve::memory {
namespace {

constexpr std::string_view kEnding = ".checkpoint";
constexpr size_t kDigits = 8;
constexpr size_t kDigitsMax = 18;
constexpr size_t kWriteBytes = size_t{1} << 20;
// Synced as it grows, so that the log's syncs never wait behind the whole of it.
constexpr uint64_t kSyncBytes = uint64_t{32} << 20;

}  // namespace

std::string checkpoint_path(const std::string& directory, uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < kDigits) digits.insert(0, kDigits - digits.size(), '0');
  return directory + "/" + digits + std::string(kEnding);
}

uint64_t checkpoint_number(const std::string& name) {
  if (!name.ends_with(kEnding)) return 0;
  const size_t digits = name.size() - kEnding.size();
  if (digits < kDigits || digits > kDigitsMax) return 0;
  uint64_t number = 0;
  for (const char c : name.substr(0, digits)) {
    if (c < '0' || c > '9') return 0;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return number;
}

// ---- out

CheckpointWriter::CheckpointWriter(Os& os, const std::string& directory, uint64_t number,
                                   uint64_t commit, std::unique_ptr<File> file, StreamWriter stream)
    : os_(os),
      directory_(directory),
      number_(number),
      commit_(commit),
      file_(std::move(file)),
      stream_(std::move(stream)) {}

Result<std::unique_ptr<CheckpointWriter>> CheckpointWriter::create(
    Os& os, const std::string& directory, uint64_t number,
    std::shared_ptr<const EngineVersion> version, const Identity& identity) {
  Result<std::unique_ptr<File>> file =
      os.open(checkpoint_path(directory, number), OpenMode::kCreate);
  if (!file) return file.error();
  const uint64_t commit = version->absorbed();
  return std::unique_ptr<CheckpointWriter>(new CheckpointWriter(
      os, directory, number, commit, std::move(*file), StreamWriter(std::move(version), identity)));
}

Status CheckpointWriter::write_out() {
  Status status = file_->write_at(written_bytes_, as_bytes(buffer_));
  if (!status) return status;
  written_bytes_ += buffer_.size();
  buffer_.clear();
  if (written_bytes_ - synced_bytes_ < kSyncBytes) return status;
  synced_bytes_ = written_bytes_;
  return file_->sync();
}

Status CheckpointWriter::take(Bytes bytes) {
  append(buffer_, bytes);
  return buffer_.size() < kWriteBytes ? Status::ok() : write_out();
}

Result<Progress> CheckpointWriter::step(uint64_t budget_bytes) {
  Result<Progress> progress =
      stream_.step(budget_bytes, [this](Bytes bytes) { return take(bytes); });
  if (!progress || *progress == Progress::kMore) return progress;
  if (Status status = write_out(); !status) return status;
  if (Status status = file_->sync(); !status) return status;
  if (Status status = os_.sync_directory(directory_); !status) return status;
  return Progress::kIdle;
}

void CheckpointWriter::abandon() {
  file_.reset();
  const Status removed = os_.remove(checkpoint_path(directory_, number_));
  (void)removed;  // A leftover: the next opening removes it.
}

// ---- in

Result<std::unique_ptr<CheckpointReader>> CheckpointReader::open(
    Os& os, const std::string& directory, const ManifestCheckpoint& checkpoint) {
  const std::string path = checkpoint_path(directory, checkpoint.number);
  Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kRead);
  if (file.code() == Code::kNotFound) return Status::corrupt("memory: " + path + " is missing");
  if (!file) return file.error();
  const Result<uint64_t> size = (*file)->size();
  if (!size) return size.error();
  if (*size != checkpoint.file_bytes) {
    return Status::corrupt("memory: " + path + " has " + std::to_string(*size) +
                           " bytes; the manifest says " + std::to_string(checkpoint.file_bytes));
  }
  (*file)->will_read(0, *size);
  return std::unique_ptr<CheckpointReader>(new CheckpointReader(path, std::move(*file)));
}

Result<size_t> CheckpointReader::read(MutableBytes into) {
  Result<size_t> got = file_->read_at(offset_, into);
  if (got) offset_ += *got;
  return got;
}

Status CheckpointReader::error_at(const Status& status) const {
  return {status.code(),
          status.message() + ", in " + path_ + " before byte " + std::to_string(offset_)};
}

Status verify_checkpoint(Os& os, const std::string& directory, const ManifestCheckpoint& checkpoint,
                         const Identity& identity, std::vector<VerifyProblem>& problems) {
  const Result<std::unique_ptr<CheckpointReader>> reader =
      CheckpointReader::open(os, directory, checkpoint);
  Status status = reader ? Status::ok() : reader.error();
  if (status) {
    status = check_stream([&](MutableBytes into) { return (*reader)->read(into); }, identity);
  }
  const bool is_damage = status.code() == Code::kCorrupt || status.code() == Code::kForeign;
  if (!is_damage) return status;
  problems.push_back({checkpoint_path(directory, checkpoint.number),
                      reader ? (*reader)->offset() : 0, status.message()});
  return Status::ok();
}

Result<CheckpointOwner> describe_checkpoint(Os& os, const std::string& path) {
  const Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kRead);
  if (!file) return file.error();
  uint8_t header[kHeaderBytes] = {};
  const Result<size_t> got = (*file)->read_at(0, MutableBytes(header));
  if (!got) return got.error();
  CheckpointOwner owner{};
  std::copy_n(header + 16, owner.identity.size(), owner.identity.begin());
  const Result<uint64_t> absorbed = absorbed_of(Bytes(header, *got), owner.identity);
  if (!absorbed) return absorbed.error();
  owner.absorbed = *absorbed;
  return owner;
}

Result<Mended> mend_checkpoint(Os& os, const std::string& path, const Identity& identity,
                               uint64_t absorbed) {
  const Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kRead);
  if (!file) return file.error();
  const Result<uint64_t> size = (*file)->size();
  if (!size) return size.error();
  std::string bytes(*size, '\0');
  const Result<size_t> got =
      (*file)->read_at(0, MutableBytes(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()));
  if (!got) return got.error();
  return mend_stream(as_bytes(bytes).first(*got), identity, absorbed);
}

}  // namespace varve::memory
