// binding/text.cc — full-text indexes on their own.
//
// An index is an External with a finaliser, the first argument of what it is asked. Answers of more
// than a number are left at the beginning of the scratch's data area: the scores of hits as doubles
// and then their ids, ranges as pairs of 32-bit numbers, statistics as doubles. Where there is no
// room, the answer is kGrow with the bytes that are needed, and textTake() brings what was kept.
#include "binding/text.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "binding/arguments.h"
#include "binding/image.h"
#include "pure/text/language.h"
#include "pure/text/text.h"

namespace varve {
namespace {

constexpr int64_t kAccountedStep = 65536;  // Bytes that the collector is told of at once.
constexpr uint32_t kIsPlain = 1;
constexpr uint32_t kNeedsAll = 2;
constexpr uint32_t kIsPrefix = 4;
constexpr uint32_t kEditsShift = 3;

struct TextHandle final : Owned {
  std::unique_ptr<MemoryBlocks> blocks;
  Image image;  // What `index` reads where it lies, if it was opened from bytes.
  std::unique_ptr<TextIndex> index;
  std::string serialised;
  std::vector<TextHit> hits;
  std::vector<TextRange> ranges;
  std::vector<uint8_t> kept;  // An answer that the scratch had no room for.
  int64_t accounted = 0;

  // An index that was opened from bytes is copied into blocks when it is first written to.
  TextIndex& to_write() {
    if (index->is_writable()) return *index;
    auto made = std::make_unique<MemoryBlocks>();
    Result<std::unique_ptr<TextIndex>> copy = TextIndex::copy(image.bytes(), *made);
    check(static_cast<bool>(copy));  // It was verified when it was opened.
    index = std::move(*copy);
    blocks = std::move(made);
    image = Image();
    return *index;
  }
  int64_t held_bytes() const {
    const size_t slabs = blocks == nullptr ? 0 : blocks->slab_bytes();
    return static_cast<int64_t>(slabs + image.held_bytes() + index->stats().heap_bytes +
                                serialised.capacity());
  }
  void let_go(napi_env env) override {
    index.reset();
    blocks.reset();
    image = Image();
    serialised = {};
    hits = {};
    ranges = {};
    kept = {};
    account(env, accounted, 0);
  }
};

TextHandle& handle_of(const Call& call) { return read_external<TextHandle>(call, 0); }

// An answer that lies in the scratch where there is room for it, and else with the handle.
class Left {
 public:
  Left(napi_env env, TextHandle& handle, size_t size)
      : env_(env), environment_(environment_of(env)), size_(size) {
    if (!fits()) handle.kept.resize(size);
    data_ = fits() ? environment_.scratch + kDataAt : handle.kept.data();
  }
  uint8_t* data() const { return data_; }
  napi_value answer(size_t items) const {
    if (fits()) return make_int(env_, static_cast<int32_t>(items));
    environment_.set32(Register32::kNeededBytes, static_cast<uint32_t>(size_));
    return make_answer(env_, Answer::kGrow);
  }

 private:
  bool fits() const { return size_ <= environment_.scratch_bytes - kDataAt; }

  const napi_env env_;
  Environment& environment_;
  const size_t size_;
  uint8_t* data_ = nullptr;
};

void account_steps(napi_env env, TextHandle& handle) {
  const int64_t now = handle.held_bytes();
  if (std::abs(now - handle.accounted) >= kAccountedStep) account(env, handle.accounted, now);
}

napi_value hand_over(napi_env env, std::unique_ptr<TextHandle> handle) {
  account(env, handle->accounted, handle->held_bytes());
  return environment_of(env).owned->own(env, std::move(handle));
}

// Until the next text of the environment is read.
std::string_view text_of(napi_env env, napi_value value) {
  return read_utf8_in(env, value, environment_of(env).text);
}

// textCreate(languages, stopWords, k1, b) → an index
napi_value create(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  auto handle = std::make_unique<TextHandle>();
  const TextOptions options{read_uint32(call, 0), read_utf8(env, call.arguments[1]),
                            read_double(call, 2), read_double(call, 3)};
  handle->blocks = std::make_unique<MemoryBlocks>();
  handle->index = std::make_unique<TextIndex>(*handle->blocks, options);
  return hand_over(env, std::move(handle));
}

// textOpen(bytes) → an index, or FAILED
napi_value open_index(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  auto handle = std::make_unique<TextHandle>();
  handle->image = Image(read_elements<const uint8_t>(call, 0));
  Result<std::unique_ptr<TextIndex>> opened = TextIndex::open(handle->image.bytes());
  if (!opened) return make_failure(env, opened.error());
  handle->index = std::move(*opened);
  return hand_over(env, std::move(handle));
}

// textAdd(index, id, text) → OK or FAILED
napi_value add(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  TextHandle& handle = handle_of(call);
  const std::string_view text = text_of(env, call.arguments[2]);
  const Status added = handle.to_write().add(read_uint32(call, 1), text);
  account_steps(env, handle);
  return added ? make_answer(env, Answer::kOk) : make_failure(env, added);
}

// textAddMany(index, ids, texts) → how many were added; less than all of them: the next one failed,
// and lastError() says how
napi_value add_many(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  TextHandle& handle = handle_of(call);
  TextIndex& index = handle.to_write();
  const std::span<const uint32_t> ids = read_elements<const uint32_t>(call, 1);
  uint32_t added = 0;
  for (; added < ids.size(); ++added) {
    index.expect(ids[added]);
    napi_handle_scope scope = nullptr;
    napi_open_handle_scope(env, &scope);
    napi_value value = nullptr;
    napi_get_element(env, call.arguments[2], added, &value);
    const std::string_view text = text_of(env, value);
    const Status status = index.add(ids[added], text);
    napi_close_handle_scope(env, scope);
    if (!status) {
      environment_of(env).fail(status);
      break;
    }
  }
  account_steps(env, handle);
  return make_int(env, static_cast<int32_t>(added));
}

// textRemove(index, id), textHas(index, id) → 1 or 0
napi_value remove(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  TextHandle& handle = handle_of(call);
  const uint32_t id = read_uint32(call, 1);
  if (!handle.index->has(id)) return make_int(env, 0);
  handle.to_write().remove(id);
  account_steps(env, handle);
  return make_int(env, 1);
}

napi_value has(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  return make_int(env, handle_of(call).index->has(read_uint32(call, 1)) ? 1 : 0);
}

TextRequest read_request(const Call& call, std::string& room) {
  TextRequest request;
  request.query = read_utf8_in(call.env, call.arguments[1], room);
  const uint32_t flags = read_uint32(call, 2);
  request.is_plain = (flags & kIsPlain) != 0;
  request.needs_all = (flags & kNeedsAll) != 0;
  request.is_prefix = (flags & kIsPrefix) != 0;
  request.edits = flags >> kEditsShift;
  return request;
}

// textSearch(index, query, flags, limit, allowed?) → how many hits, or FAILED
napi_value search(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  TextHandle& handle = handle_of(call);
  TextRequest request = read_request(call, environment_of(env).text);
  request.limit = read_uint32(call, 3);
  bool is_filtered = false;
  if (call.count > 4) napi_is_typedarray(env, call.arguments[4], &is_filtered);
  request.is_filtered = is_filtered;
  if (is_filtered) request.allowed = read_elements<const uint32_t>(call, 4);
  std::vector<TextHit>& hits = handle.hits;
  const Status found = handle.index->search(request, hits);
  account_steps(env, handle);
  if (!found) return make_failure(env, found);
  const size_t size = hits.size() * (sizeof(double) + sizeof(uint32_t));
  const Left left(env, handle, size);
  uint8_t* const scores = left.data();
  uint8_t* const ids = scores + hits.size() * sizeof(double);
  for (size_t index = 0; index < hits.size(); ++index) {
    store(scores + index * sizeof(double), hits[index].score);
    store(ids + index * sizeof(uint32_t), hits[index].id);
  }
  return left.answer(hits.size());
}

// textHighlight(index, query, flags, text) → how many ranges, or FAILED
napi_value highlight(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  TextHandle& handle = handle_of(call);
  std::string room;
  const TextRequest request = read_request(call, room);
  const std::string_view text = text_of(env, call.arguments[3]);
  std::vector<TextRange>& ranges = handle.ranges;
  const Status found = handle.index->highlight(request, text, ranges);
  if (!found) return make_failure(env, found);
  const size_t size = ranges.size() * sizeof(TextRange);
  const Left left(env, handle, size);
  if (size > 0) std::memcpy(left.data(), ranges.data(), size);
  return left.answer(ranges.size());
}

// textTake(index) → how many bytes were kept and are in the scratch now
napi_value take(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  std::vector<uint8_t>& kept = handle_of(call).kept;
  const Environment& environment = environment_of(env);
  const size_t size = std::min(kept.size(), environment.scratch_bytes - kDataAt);
  std::memcpy(environment.scratch + kDataAt, kept.data(), size);
  kept = {};
  return make_size(env, size);
}

// textCompact(index), textClear(index)
napi_value compact(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  TextHandle& handle = handle_of(call);
  handle.index->compact();
  account_steps(env, handle);
  return make_answer(env, Answer::kOk);
}

napi_value clear(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  TextHandle& handle = handle_of(call);
  handle.to_write().clear();
  account_steps(env, handle);
  return make_answer(env, Answer::kOk);
}

// textSerialise(index) → the size, for textTakeBytes(index, bytes)
napi_value serialise(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  TextHandle& handle = handle_of(call);
  handle.index->serialise(handle.serialised);
  return make_double(env, static_cast<double>(handle.serialised.size()));
}

napi_value take_bytes(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  TextHandle& handle = handle_of(call);
  const std::span<uint8_t> to = read_elements<uint8_t>(call, 1);
  const size_t size = std::min(to.size(), handle.serialised.size());
  if (size > 0) std::memcpy(to.data(), handle.serialised.data(), size);
  handle.serialised = {};
  return make_answer(env, Answer::kOk);
}

// textStats(index): documents, removed, terms, words, loose bytes, bytes in all
napi_value stats(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const TextHandle& handle = handle_of(call);
  const TextStats now = handle.index->stats();
  const double numbers[] = {
      static_cast<double>(now.document_count), static_cast<double>(now.removed_count),
      static_cast<double>(now.term_count),     static_cast<double>(now.length_sum),
      static_cast<double>(now.loose_bytes),    static_cast<double>(handle.held_bytes())};
  std::memcpy(environment_of(env).scratch + kDataAt, numbers, sizeof(numbers));
  return make_answer(env, Answer::kOk);
}

// textStopWords(language) → the words, separated by spaces
napi_value stop_words_of(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  return make_text(env, std::string(stop_words(read_uint32(call, 0))));
}

}  // namespace

const std::vector<Method>& text_methods() {
  static const std::vector<Method> methods = {{"textCreate", create},
                                              {"textOpen", open_index},
                                              {"textAdd", add},
                                              {"textAddMany", add_many},
                                              {"textRemove", remove},
                                              {"textHas", has},
                                              {"textSearch", search},
                                              {"textHighlight", highlight},
                                              {"textTake", take},
                                              {"textCompact", compact},
                                              {"textClear", clear},
                                              {"textSerialise", serialise},
                                              {"textTakeBytes", take_bytes},
                                              {"textStats", stats},
                                              {"textStopWords", stop_words_of}};
  return methods;
}

}  // namespace varve
