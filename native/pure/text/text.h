// pure/text/text.h — a full-text index: documents of words, found by words, best first.
//
// It lives in blocks, so the same code searches memory, bytes that were mapped, and a store. New
// documents are loose until there are enough of them to be folded into packed lists; searches see
// both. The parts:
//
//   tokens.h, unicode.h, language.h    text to terms
//   core.h                             what an index is made of; dictionary.h, postings.h, column.h
//   writer.h, loose.h, documents.h     adding, removing, folding, compacting
//   rebuild.cc                         compacting in portions
//   query.h                            what is asked, as a tree
//   cursor.h, score.h, search.h        lists, BM25, the best of them
//   image.h                            an index as bytes, and bytes as an index: FORMAT.md
//   tables.h                           where its blocks are, and its state beside blocks in a store
//
// Invariants
//   - ids are unique; a score is the BM25 of the documents that are there now, equal scores by
//     rising id.
//   - an index that was opened from bytes accepts nothing that a search would have to doubt.
// Threads: one.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "pure/blocks/blocks.h"

namespace varve {

inline constexpr size_t kTextBytesMax = size_t{16} << 20;
inline constexpr uint32_t kTextDocumentsMax = 1u << 29;  // Removed ones count until compacting.
inline constexpr double kK1Max = 1000;                   // Far above it nothing is left of a score.
// When so many more documents are removed than there are, it is worth it to write all anew.
inline constexpr uint32_t kTextRemovedMin = 1024;
inline constexpr uint32_t kQueryWordsMax = 1024;
inline constexpr uint32_t kExpansionsMax = 1024;  // Terms that a prefix or a misspelling means,
inline constexpr uint32_t kQueryTermsMax = 8192;  // and all of a query.

struct TextOptions {
  uint32_t languages = 0;  // language.h
  std::string stop_words;  // Separated by spaces.
  double k1 = 1.2;
  double b = 0.75;
  // When more documents are removed than there are, everything is written anew without them; else
  // by compact() alone.
  bool compacts = true;
};

struct TextRequest {
  std::string_view query;
  bool is_plain = false;   // Words alone, no operators.
  bool needs_all = false;  // Words that nothing is said of must all be there.
  bool is_prefix = false;  // Every word may go on.
  uint32_t edits = 0;      // 0 to 2: how many letters of a word may be wrong.
  uint32_t limit = 10;
  bool is_filtered = false;
  std::span<const uint32_t> allowed;  // Ids, rising, where filtered.
};

struct TextHit {
  uint32_t id;
  double score;
};

// In UTF-16 code units.
struct TextRange {
  uint32_t begin;
  uint32_t end;
};

struct TextStats {
  uint32_t document_count;
  uint32_t removed_count;  // Not yet compacted.
  uint32_t term_count;
  uint64_t length_sum;  // Words of all documents.
  uint64_t loose_bytes;
  uint64_t heap_bytes;  // Beside the blocks.
};

struct TextCore;
class TextWriter;

class TextIndex {
 public:
  TextIndex(Blocks& blocks, TextOptions options);
  explicit TextIndex(std::unique_ptr<TextCore> core);  // To be searched only: see open().
  ~TextIndex();

  // An image as it lies, to be searched only. The bytes hold as long as the index.
  static Result<std::unique_ptr<TextIndex>> open(Bytes image);
  // A copy of an image in blocks, to be changed.
  static Result<std::unique_ptr<TextIndex>> copy(Bytes image, Blocks& to);

  // Asks for what add() looks at first.
  void expect(uint32_t id) const;
  // Refuses an id that is there, and what is above a limit.
  Status add(uint32_t id, std::string_view utf8);
  // False when there is no such document.
  bool remove(uint32_t id);
  bool has(uint32_t id) const;
  // What a document is named by within; 0: there is none. One that was removed is there again
  // behind bring_back(), if nothing was compacted since; no other may have its id.
  uint32_t number_of(uint32_t id) const;
  void bring_back(uint32_t id, uint32_t number);

  Status search(const TextRequest& request, std::vector<TextHit>& to);
  // Where the query's words stand in a text, in order and apart from one another.
  Status highlight(const TextRequest& request, std::string_view utf8, std::vector<TextRange>& to);

  // Folds what is loose and forgets what was removed.
  void compact();
  void serialise(std::string& to);
  // What no block holds, once everything loose is in blocks; and into an index to which nothing was
  // added, over blocks as they were then.
  void save(std::string& state);
  Status restore(Bytes state);
  // Puts what is loose into blocks where that is much: what a search does first.
  void settle();
  TextStats stats() const;
  const TextOptions& options() const;
  bool is_writable() const;
  // Frees all blocks.
  void clear();

 private:
  std::unique_ptr<MappedBlocks> mapped_;
  std::unique_ptr<TextCore> core_;
  std::unique_ptr<TextWriter> writer_;
};

// An index in new blocks without what was removed, a portion at a time, for who can write only so
// much at once. Documents get new numbers in their old order, terms keep theirs.
class TextRebuild {
 public:
  // Of what save() left, whose blocks stay as they are.
  static Result<std::unique_ptr<TextRebuild>> begin(Bytes state, Blocks& blocks,
                                                    TextOptions options);
  ~TextRebuild();
  // Writes some documents, a page of a list, or a leaf of the dictionary; false when all is there.
  bool step();
  // As save(), when all is there.
  void save(std::string& state) const;
  // What was written since the last keep() may be gone: then it is written again behind go_back().
  void keep();
  void go_back();

 private:
  struct Work;
  explicit TextRebuild(std::unique_ptr<Work> work);
  std::unique_ptr<Work> work_;
};

}  // namespace varve
