// Hostile definitions of collections: refused, or read, written anew and held against a document.
//
// A seed is the size of a definition (2 bytes), the definition and a record of its newest version.
#include "layer/collection/definition.h"

#include "fuzz.h"

namespace varve::collection {
namespace {

void look_at(const Definition& definition, Bytes stored) {
  Document document(definition.schema_set);
  if (!document.open(stored)) return;
  size_t sum = 0;
  for (const IndexDefinition& index : definition.indexes) {
    if (index.filter) sum += index.filter->matches(document) ? 1 : 0;
    for (const PartDefinition& part : index.parts) {
      std::string key;
      document.append_key(part.field, key);
      check(!key.empty());
      document.each_key(part.field, [&](Bytes each) {
        sum += each.size();
        return true;
      });
    }
  }
  check(sum != SIZE_MAX);
}

void run(Bytes input) {
  if (input.size() < 2) return;
  const size_t size = load<uint16_t>(input.data());
  const Bytes rest = input.subspan(2);
  if (size > rest.size()) return;
  const auto read = Definition::read(rest.first(size), 1);
  if (!read) return;
  const std::string bytes = (*read)->write();
  const auto again = Definition::read(as_bytes(bytes), 1);
  check(again && (*again)->write() == bytes);
  check((*again)->indexes.size() == (*read)->indexes.size());
  look_at(**read, rest.subspan(size));
}

const fuzz::Target target("definition", run);

}  // namespace
}  // namespace varve::collection
