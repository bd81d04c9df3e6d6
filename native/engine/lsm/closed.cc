#include "engine/lsm/closed.h"

namespace varve {
namespace {

Status closed() { return {Code::kClosed, "lsm: closed"}; }

class ClosedCursor final : public EngineCursor {
 public:
  bool valid() const override { return false; }
  const Edit& edit() const override { return edit_; }
  void next() override {}
  void seek(Bytes) override {}
  Status status() const override { return closed(); }

 private:
  const Edit edit_;
};

}  // namespace

Status ClosedVersion::get(Bytes, uint64_t, uint64_t, bool, Lookup&) const { return closed(); }

Status ClosedVersion::get_many(std::span<PointQuery>, uint64_t) const { return closed(); }

std::unique_ptr<EngineCursor> ClosedVersion::scan(const KeyRange&, uint64_t, Direction) const {
  return std::make_unique<ClosedCursor>();
}

std::unique_ptr<EditCursor> ClosedVersion::versions(const KeyRange&, uint64_t, uint64_t) const {
  return std::make_unique<ClosedCursor>();
}

Result<uint64_t> ClosedVersion::value_bytes(const Edit&) const { return closed(); }

Status ClosedVersion::read_value(const Edit&, MutableBytes) const { return closed(); }

}  // namespace varve
