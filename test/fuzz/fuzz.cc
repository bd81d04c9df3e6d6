#include "fuzz.h"

#include <filesystem>

#include "base/os/os.h"

namespace varve::fuzz {
namespace {

std::vector<Registered>& registered() {
  static std::vector<Registered> all;
  return all;
}

// Lives until the process ends.
struct OwnDirectory {
  OwnDirectory() {
    const std::string name = "varve-fuzz-" + std::to_string(native_os().process_id());
    path = (std::filesystem::temp_directory_path() / name).string();
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
    std::filesystem::create_directories(path, ignored);
  }
  ~OwnDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

}  // namespace

Target::Target(const char* name, Body body) { registered().push_back({name, body}); }

const std::vector<Registered>& targets() { return registered(); }

std::string directory(const std::string& target) {
  static const OwnDirectory one;
  const std::string path = one.path + "/" + target;
  const Status made = native_os().create_directory(path);
  check(made || made.code() == Code::kExists);
  return path;
}

void write_file(const std::string& path, Bytes bytes) {
  const Status removed = native_os().remove(path);
  check(removed || removed.code() == Code::kNotFound);
  Result<std::unique_ptr<File>> file = native_os().open(path, OpenMode::kCreate);
  check(static_cast<bool>(file));
  const Status written = (*file)->write_at(0, bytes);
  check(static_cast<bool>(written));
}

}  // namespace varve::fuzz
