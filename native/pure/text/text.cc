#include "pure/text/text.h"

#include "pure/text/core.h"
#include "pure/text/image.h"
#include "pure/text/query.h"
#include "pure/text/search.h"
#include "pure/text/tables.h"
#include "pure/text/writer.h"

namespace varve {
namespace {

Status too_much(const char* what, uint64_t given, uint64_t most) {
  return Status(Code::kTooLarge, std::string("text: ") + what + " of " + std::to_string(given) +
                                     "; at most " + std::to_string(most));
}

}  // namespace

TextIndex::TextIndex(Blocks& blocks, TextOptions options)
    : core_(std::make_unique<TextCore>(blocks, std::move(options))),
      writer_(std::make_unique<TextWriter>(*core_)) {}

TextIndex::TextIndex(std::unique_ptr<TextCore> core) : core_(std::move(core)) {}

TextIndex::~TextIndex() = default;

Result<std::unique_ptr<TextIndex>> TextIndex::open(Bytes image) {
  Result<TextOptions> options = read_image_options(image);
  if (!options) return options.error();
  auto mapped = std::make_unique<MappedBlocks>(image);
  auto core = std::make_unique<TextCore>(*mapped, std::move(*options));
  if (const Status read = read_image(image, *core); !read) return read.copy();
  auto index = std::make_unique<TextIndex>(std::move(core));
  index->mapped_ = std::move(mapped);
  return index;
}

Result<std::unique_ptr<TextIndex>> TextIndex::copy(Bytes image, Blocks& to) {
  const Result<std::unique_ptr<TextIndex>> from = open(image);
  if (!from) return from.error();
  auto index = std::make_unique<TextIndex>(to, (*from)->options());
  copy_core(*(*from)->core_, *index->core_);
  index->writer_->restore();
  return index;
}

void TextIndex::expect(uint32_t id) const { core_->ids.expect(id); }

Status TextIndex::add(uint32_t id, std::string_view utf8) {
  check(is_writable());
  if (has(id))
    return Status::invalid("text: there is a document " + std::to_string(id) + " already");
  if (utf8.size() > kTextBytesMax) return too_much("a text", utf8.size(), kTextBytesMax);
  if (core_->documents.size() >= kTextDocumentsMax) {
    return too_much("a number of documents", core_->documents.size(), kTextDocumentsMax);
  }
  writer_->add(id, utf8);
  return Status::ok();
}

bool TextIndex::remove(uint32_t id) {
  check(is_writable());
  return writer_->remove(id);
}

bool TextIndex::has(uint32_t id) const { return number_of(id) != 0; }

uint32_t TextIndex::number_of(uint32_t id) const { return core_->ids.find(id); }

void TextIndex::bring_back(uint32_t id, uint32_t number) {
  check(is_writable() && !has(id));
  writer_->bring_back(id, number);
}

Status TextIndex::search(const TextRequest& request, std::vector<TextHit>& to) {
  Result<QueryNode> query = parse_query(*core_, request);
  if (!query) return query.error();
  settle();
  TextSearch(*core_, request).run(*query, to);
  return core_->blocks.status();
}

void TextIndex::compact() {
  if (writer_) writer_->compact();
}

void TextIndex::serialise(std::string& to) {
  compact();
  write_image(*core_, to);
}

void TextIndex::save(std::string& state) {
  check(is_writable());
  writer_->fold();
  write_state(*core_, state);
}

Status TextIndex::restore(Bytes state) {
  check(is_writable() && core_->documents.size() == 0);
  if (Status status = read_state(state, *core_); !status) return status;
  writer_->restore();
  return core_->blocks.status();
}

void TextIndex::settle() {
  if (writer_) writer_->fold_if_much();
}

TextStats TextIndex::stats() const {
  const uint32_t cells = core_->documents.size();
  return {core_->live_count,    cells == 0 ? 0 : cells - 1 - core_->live_count,
          core_->terms.size(),  core_->length_sum,
          core_->loose.bytes(), writer_ ? writer_->memory_bytes() : core_->ids.memory_bytes()};
}

const TextOptions& TextIndex::options() const { return core_->options; }
bool TextIndex::is_writable() const { return writer_ != nullptr; }

void TextIndex::clear() {
  check(is_writable());
  writer_->clear();
}

}  // namespace varve
