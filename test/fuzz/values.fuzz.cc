// A value file with hostile changes, and hostile references into it: they are refused, or answered
// within bounds.
//
// The input is a byte that says whether what was changed is summed anew, a reference, and changes
// of a small file, three bytes a change: where (u16) and to what. Without summing anew, a value is
// the right one or an error.
#include "storage/values/values.h"

#include <vector>

#include "fuzz.h"
#include "pure/codec/crc32c.h"

namespace varve {
namespace {

constexpr uint64_t kValueBytesMax = uint64_t{1} << 20;  // Nothing in so small a file is larger.

// The file before it is changed.
struct Original {
  Original();
  ValueOptions options;
  std::string path;
  std::string bytes;
  std::vector<std::string> values{"a small value", std::string(700, 'v'), "the last one"};
  std::vector<ValueReference> references;
};

Original::Original() {
  options.number = 7;
  options.compress = true;
  path = values_path(fuzz::directory("values"), 7);
  const Status removed = native_os().remove(path);
  check(removed || removed.code() == Code::kNotFound);
  Result<std::unique_ptr<ValueWriter>> writer = ValueWriter::create(native_os(), path, options);
  check(static_cast<bool>(writer));
  for (const std::string& value : values) {
    const Result<ValueReference> reference = (*writer)->add(as_bytes(value), 5);
    check(static_cast<bool>(reference));
    references.push_back(*reference);
  }
  const Result<ValueFileInfo> info = (*writer)->finish();
  check(static_cast<bool>(info));
  bytes.resize(info->file_bytes);
  Result<std::unique_ptr<File>> file = native_os().open(path, OpenMode::kRead);
  check(static_cast<bool>(file));
  const MutableBytes into(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
  check(static_cast<bool>((*file)->read_at(0, into)));
}

void sum_anew(std::string& file, const std::vector<ValueReference>& references) {
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(file.data());
  store<uint32_t>(bytes + 124, crc32c(Bytes(bytes, 124)));
  for (const ValueReference& reference : references) {
    const uint64_t head = reference.offset - kValueHeadBytes;
    const uint32_t sum = crc32c(Bytes(bytes + head, 44), static_cast<uint32_t>(head));
    store<uint32_t>(bytes + head + 44, sum);
  }
}

Result<std::string> read(const ValueFile& file, const ValueReference& reference) {
  if (Status status = file.check_reference(reference); !status) return status;
  check(reference.value_bytes <= kValueBytesMax);
  std::string value(reference.value_bytes, '\0');
  const MutableBytes into(reinterpret_cast<uint8_t*>(value.data()), value.size());
  if (Status status = file.read(reference, into); !status) return status;
  return value;
}

void run(Bytes input) {
  static const Original original;
  if (input.size() < 1 + kValueReferenceBytes) return;
  const bool summed = (input[0] & 1) != 0;
  const auto hostile = decode_value_reference(input.subspan(1, kValueReferenceBytes));
  std::string bytes = original.bytes;
  Bytes changes = input.subspan(1 + kValueReferenceBytes);
  for (; changes.size() >= 3; changes = changes.subspan(3)) {
    bytes[load<uint16_t>(changes.data()) % bytes.size()] = static_cast<char>(changes[2]);
  }
  if (summed) sum_anew(bytes, original.references);
  fuzz::write_file(original.path, as_bytes(bytes));
  const Result<ValueFileInfo> info = ValueFile::describe(native_os(), original.path);
  if (!info) {
    check(info.code() == Code::kCorrupt || info.code() == Code::kNewerFormat);
    return;
  }
  ValueOptions options = original.options;
  options.any_store = true;
  const Result<std::shared_ptr<ValueFile>> file =
      ValueFile::open(native_os(), original.path, *info, options);
  if (!file) {
    check(file.code() == Code::kCorrupt);
    return;
  }
  std::vector<VerifyProblem> problems;
  check(static_cast<bool>((*file)->verify(problems)));
  check(!problems.empty() || summed || bytes == original.bytes);
  for (size_t i = 0; i < original.values.size(); ++i) {
    const Result<std::string> value = read(**file, original.references[i]);
    check(value ? *value == original.values[i] : value.code() == Code::kCorrupt);
  }
  if (!hostile) return;
  const Result<std::string> value = read(**file, *hostile);
  const Status verified = (*file)->verify_reference(*hostile);
  check(value || value.code() == Code::kCorrupt);
  check(verified || verified.code() == Code::kCorrupt);
}

const fuzz::Target target("values", run);

}  // namespace
}  // namespace varve
