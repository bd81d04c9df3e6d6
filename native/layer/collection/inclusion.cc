#include "layer/collection/inclusion.h"

#include "layer/collection/keys.h"
#include "layer/collection/spans.h"
#include "pure/codec/varint.h"

namespace varve::collection {
namespace {

Status forward(const Reads& reads, const std::string& nested, const Inclusion& inclusion,
               const TakeIncluded& take) {
  const std::string key = prefix_of(kDocuments, inclusion.collection) + alone(as_bytes(nested));
  Lookup there;
  if (Status status = reads.get(as_bytes(key), there); !status) return status;
  if (there.found == Found::kPut) take(there.edit);
  return Status::ok();
}

// where, and the field is this key. It joins the conditions that all have to hold, so that a plan
// sees them together.
Result<Filter> condition_of(const Inclusion& inclusion, const std::string& nested) {
  Bytes where = as_bytes(inclusion.where);
  uint32_t count = 1;
  if (!where.empty() && where[0] == static_cast<uint8_t>(FilterOp::kAnd)) {
    where = where.subspan(1);
    if (!take_varint(where, count)) return Status::invalid("include: no conditions");
  }
  std::string bytes(1, static_cast<char>(FilterOp::kAnd));
  append_varint(bytes, uint64_t{count} + 1);
  bytes += static_cast<char>(FilterOp::kEq);
  append_varint(bytes, inclusion.field);
  append_varint(bytes, nested.size());
  bytes += nested;
  append(bytes, where);
  return Filter::read(as_bytes(bytes));
}

Status backward(const Reads& reads, const std::string& nested, const Inclusion& inclusion,
                uint64_t kept_bytes_max, const TakeIncluded& take) {
  Result<Filter> where = condition_of(inclusion, nested);
  if (!where) return where.error();
  Request request;
  request.where = std::move(*where);
  request.order = inclusion.order;
  request.limit = inclusion.limit;
  Result<Plan> plan = make_plan(reads, *inclusion.definition, request, nullptr);
  if (!plan) return plan.error();
  Run run(inclusion.definition, std::move(request), std::move(*plan), kept_bytes_max);
  return run.go_on(reads, UINT64_MAX, [&](Bytes, const Edit& edit) { return take(edit); });
}

}  // namespace

Status include(const Reads& reads, const Definition& definition, Bytes stored,
               const Inclusion& inclusion, uint64_t kept_bytes_max, const TakeIncluded& take) {
  Document document(definition.schema_set);
  if (Status status = document.open(stored); !status) return status;
  const bool is_forward = inclusion.way == InclusionWay::kForward;
  if (!is_forward && (definition.key.is_tuple || definition.key.fields.size() != 1)) {
    return Status::invalid(definition.name + ": nobody can refer to a key of several fields");
  }
  std::string nested;
  document.append_key(is_forward ? inclusion.field : definition.key.fields.front(), nested);
  if (is_null_key(as_bytes(nested))) return Status::ok();
  return is_forward ? forward(reads, nested, inclusion, take)
                    : backward(reads, nested, inclusion, kept_bytes_max, take);
}

}  // namespace varve::collection
