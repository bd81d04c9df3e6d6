// pure/codec/record/rules.cc — the rules of each field, against its values.
#include "pure/codec/record/rules.h"

#include <charconv>

#include "pure/codec/record/members.h"

namespace varve {
namespace {

template <class T>
std::string digits(T number) {
  char to[40];
  const auto end = std::to_chars(to, to + sizeof to, number);
  return {to, end.ptr};
}

std::optional<Violation> broken(const std::string& path, std::string rule, std::string value) {
  return Violation{path, std::move(rule), std::move(value)};
}

std::optional<Violation> check_range(const Item& item, const std::string& path) {
  const Rules& rules = item.type().rules;
  const double number = item.number();
  if (rules.least && number < *rules.least) {
    return broken(path, "at least " + digits(*rules.least), digits(number));
  }
  if (rules.greatest && number > *rules.greatest) {
    return broken(path, "at most " + digits(*rules.greatest), digits(number));
  }
  const int64_t integer = item.integer();
  if (rules.least_integer && integer < *rules.least_integer) {
    return broken(path, "at least " + digits(*rules.least_integer) + "n", digits(integer) + "n");
  }
  if (rules.greatest_integer && integer > *rules.greatest_integer) {
    return broken(path, "at most " + digits(*rules.greatest_integer) + "n", digits(integer) + "n");
  }
  return std::nullopt;
}

std::optional<Violation> check_size(const Item& item, size_t size, const char* what,
                                    const std::string& path) {
  const Rules& rules = item.type().rules;
  if (rules.shortest && size < *rules.shortest) {
    return broken(path, "at least " + digits(*rules.shortest) + what, digits(size) + what);
  }
  if (rules.longest && size > *rules.longest) {
    return broken(path, "at most " + digits(*rules.longest) + what, digits(size) + what);
  }
  return std::nullopt;
}

std::optional<Violation> check_item(const Item& item, const std::string& path);

// A map's members are called by their place, too: their names may be long.
std::optional<Violation> check_members(const Item& item, const std::string& path) {
  Members members(item);
  if (item.type().tag != TypeTag::kUnion) {
    std::optional<Violation> found = check_size(item, members.count(), " elements", path);
    if (found) return found;
  }
  for (uint32_t index = 0; members.next(); ++index) {
    const bool is_union = item.type().tag == TypeTag::kUnion;
    const std::string place = is_union ? path : path + "[" + digits(index) + "]";
    std::optional<Violation> found = check_item(members.item(), place);
    if (found) return found;
  }
  return std::nullopt;
}

std::optional<Violation> check_fields(const Item& item, const std::string& path) {
  Bytes bytes = item.bytes();
  Text text = item.text();
  for (const Field& field : item.type().fields) {
    Item member;
    if (!take_member(field.type, bytes, text, member)) return std::nullopt;
    std::optional<Violation> found = check_item(member, path + "." + field.name);
    if (found) return found;
  }
  return std::nullopt;
}

std::optional<Violation> check_item(const Item& item, const std::string& path) {
  if (!item.is_present()) return std::nullopt;
  switch (item.type().tag) {
    case TypeTag::kInt32:
    case TypeTag::kInt64:
    case TypeTag::kFloat64:
    case TypeTag::kDate:
      return check_range(item, path);
    case TypeTag::kString:
      return check_size(item, item.text().units(), " characters", path);
    case TypeTag::kBytes:
      return check_size(item, item.bytes().size(), " bytes", path);
    case TypeTag::kArray:
    case TypeTag::kMap:
    case TypeTag::kUnion:
      return check_members(item, path);
    case TypeTag::kObject:
      return check_fields(item, path);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<Violation> find_violation(const RecordView& view) {
  const std::vector<Column>& columns = view.schema().columns();
  for (uint32_t number = 0; number < columns.size(); ++number) {
    // The fields of an object that is a column are columns.
    if (columns[number].type->tag == TypeTag::kObject) continue;
    std::optional<Violation> found = check_item(view.item(number), columns[number].path);
    if (found) return found;
  }
  return std::nullopt;
}

}  // namespace varve
