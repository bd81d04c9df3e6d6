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
#include "pure/text/language.h"
#include "pure/text/text.h"

namespace varve {
namespace {

constexpr int64_t kAccountedStep = 65536;  // Bytes that the collector is told of at once.
constexpr uint32_t kIsPlain = 1;
constexpr uint32_t kNeedsAll = 2;
constexpr uint32_t kIsPrefix = 4;
constexpr uint32_t kEditsShift = 3;

struct TextHandle {
  std::unique_ptr<MemoryBlocks> blocks;
  std::vector<uint64_t> image;  // What `index` reads where it lies, if it was opened from bytes.
  size_t image_bytes = 0;
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
    const Bytes bytes(reinterpret_cast<const uint8_t*>(image.data()), image_bytes);
    Result<std::unique_ptr<TextIndex>> copy = TextIndex::copy(bytes, *made);
    check(static_cast<bool>(copy));  // It was verified when it was opened.
    index = std::move(*copy);
    blocks = std::move(made);
    image = {};
    return *index;
  }
  int64_t held_bytes() const {
    const size_t slabs = blocks == nullptr ? 0 : blocks->slab_bytes();
    return static_cast<int64_t>(slabs + image.size() * 8 + index->stats().heap_bytes +
                                serialised.capacity());
  }
};

struct TextCall {
  napi_env env;
  napi_value arguments[6];
  size_t count = 6;
  Environment& environment;

  TextCall(napi_env env_in, napi_callback_info info)
      : env(env_in), environment(environment_of(env_in)) {
    napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  }
  TextHandle& handle() const {
    void* data = nullptr;
    napi_get_value_external(env, arguments[0], &data);
    return *static_cast<TextHandle*>(data);
  }
  uint32_t number(size_t argument) const {
    uint32_t value = 0;
    napi_get_value_uint32(env, arguments[argument], &value);
    return value;
  }
  double real(size_t argument) const {
    double value = 0;
    napi_get_value_double(env, arguments[argument], &value);
    return value;
  }
  template <class Element>
  std::span<Element> column(size_t argument) const {
    size_t length = 0;
    void* data = nullptr;
    napi_get_typedarray_info(env, arguments[argument], nullptr, &length, &data, nullptr, nullptr);
    return {static_cast<Element*>(data), length};
  }
  // Until the next text of the environment is read: mostly in one step, for its length is not
  // known.
  std::string_view text(napi_value value, std::string& room) const {
    size_t size = 0;
    if (room.size() < 4096) room.resize(4096);
    napi_get_value_string_utf8(env, value, room.data(), room.size(), &size);
    if (size + 4 < room.size()) return {room.data(), size};
    napi_get_value_string_utf8(env, value, nullptr, 0, &size);
    room.resize(size + 5);
    napi_get_value_string_utf8(env, value, room.data(), room.size(), &size);
    return {room.data(), size};
  }
  napi_value fail(const Status& status) const { return make_answer(env, environment.fail(status)); }
  uint8_t* data() const { return environment.scratch + kDataAt; }
  // Where an answer of that size goes.
  uint8_t* room_for(size_t size) const {
    if (size <= environment.scratch_bytes - kDataAt) return data();
    std::vector<uint8_t>& kept = handle().kept;
    kept.resize(size);
    return kept.data();
  }
  napi_value answer(size_t size, size_t items) const {
    if (size <= environment.scratch_bytes - kDataAt) {
      return make_int(env, static_cast<int32_t>(items));
    }
    environment.set32(Register32::kNeededBytes, static_cast<uint32_t>(size));
    return make_answer(env, Answer::kGrow);
  }
};

void account(const TextCall& call, TextHandle& handle, int64_t step = kAccountedStep) {
  const int64_t now = handle.held_bytes();
  if (std::abs(now - handle.accounted) < step) return;
  int64_t ignored = 0;
  napi_adjust_external_memory(call.env, now - handle.accounted, &ignored);
  handle.accounted = now;
}

void finalize_handle(napi_env env, void* data, void*) {
  const std::unique_ptr<TextHandle> handle(static_cast<TextHandle*>(data));
  int64_t ignored = 0;
  napi_adjust_external_memory(env, -handle->accounted, &ignored);
}

napi_value hand_over(const TextCall& call, std::unique_ptr<TextHandle> handle) {
  napi_value external = nullptr;
  account(call, *handle, 0);
  napi_create_external(call.env, handle.release(), finalize_handle, nullptr, &external);
  return external;
}

// textCreate(languages, stopWords, k1, b) → an index
napi_value create(napi_env env, napi_callback_info info) {
  const TextCall call(env, info);
  auto handle = std::make_unique<TextHandle>();
  const TextOptions options{call.number(0), read_utf8(env, call.arguments[1]), call.real(2),
                            call.real(3)};
  handle->blocks = std::make_unique<MemoryBlocks>();
  handle->index = std::make_unique<TextIndex>(*handle->blocks, options);
  return hand_over(call, std::move(handle));
}

// textOpen(bytes) → an index, or FAILED
napi_value open_index(napi_env env, napi_callback_info info) {
  const TextCall call(env, info);
  const std::span<const uint8_t> bytes = call.column<const uint8_t>(0);
  auto handle = std::make_unique<TextHandle>();
  // A copy of our own: JavaScript may change or detach its bytes after they were verified.
  handle->image.resize((bytes.size() + 7) / 8);
  handle->image_bytes = bytes.size();
  if (!bytes.empty()) std::memcpy(handle->image.data(), bytes.data(), bytes.size());
  Result<std::unique_ptr<TextIndex>> opened =
      TextIndex::open(Bytes(reinterpret_cast<const uint8_t*>(handle->image.data()), bytes.size()));
  if (!opened) return call.fail(opened.error());
  handle->index = std::move(*opened);
  return hand_over(call, std::move(handle));
}

// textAdd(index, id, text) → OK or FAILED
napi_value add(napi_env env, napi_callback_info info) {
  const TextCall call(env, info);
  TextHandle& handle = call.handle();
  const std::string_view text = call.text(call.arguments[2], call.environment.text);
  const Status added = handle.to_write().add(call.number(1), text);
  account(call, handle);
  return added ? make_answer(env, Answer::kOk) : call.fail(added);
}

// textAddMany(index, ids, texts) → how many were added; less than all of them: the next one failed,
// and lastError() says how
napi_value add_many(napi_env env, napi_callback_info info) {
  const TextCall call(env, info);
  TextHandle& handle = call.handle();
  TextIndex& index = handle.to_write();
  const std::span<const uint32_t> ids = call.column<const uint32_t>(1);
  uint32_t added = 0;
  for (; added < ids.size(); ++added) {
    napi_handle_scope scope = nullptr;
    napi_open_handle_scope(env, &scope);
    napi_value value = nullptr;
    napi_get_element(env, call.arguments[2], added, &value);
    const std::string_view text = call.text(value, call.environment.text);
    const Status status = index.add(ids[added], text);
    napi_close_handle_scope(env, scope);
    if (!status) {
      call.environment.fail(status);
      break;
    }
  }
  account(call, handle);
  return make_int(env, static_cast<int32_t>(added));
}

// textRemove(index, id), textHas(index, id) → 1 or 0
napi_value remove(napi_env env, napi_callback_info info) {
  const TextCall call(env, info);
  TextHandle& handle = call.handle();
  const uint32_t id = call.number(1);
  if (!handle.index->has(id)) return make_int(env, 0);
  handle.to_write().remove(id);
  account(call, handle);
  return make_int(env, 1);
}

napi_value has(napi_env env, napi_callback_info info) {
  const TextCall call(env, info);
  return make_int(env, call.handle().index->has(call.number(1)) ? 1 : 0);
}

TextRequest read_request(const TextCall& call, std::string& room) {
  TextRequest request;
  request.query = call.text(call.arguments[1], room);
  const uint32_t flags = call.number(2);
  request.is_plain = (flags & kIsPlain) != 0;
  request.needs_all = (flags & kNeedsAll) != 0;
  request.is_prefix = (flags & kIsPrefix) != 0;
  request.edits = flags >> kEditsShift;
  return request;
}

// textSearch(index, query, flags, limit, allowed?) → how many hits, or FAILED
napi_value search(napi_env env, napi_callback_info info) {
  const TextCall call(env, info);
  TextHandle& handle = call.handle();
  TextRequest request = read_request(call, call.environment.text);
  request.limit = call.number(3);
  bool is_filtered = false;
  if (call.count > 4) napi_is_typedarray(env, call.arguments[4], &is_filtered);
  request.is_filtered = is_filtered;
  if (is_filtered) request.allowed = call.column<const uint32_t>(4);
  std::vector<TextHit>& hits = handle.hits;
  const Status found = handle.index->search(request, hits);
  account(call, handle);
  if (!found) return call.fail(found);
  const size_t size = hits.size() * (sizeof(double) + sizeof(uint32_t));
  uint8_t* const scores = call.room_for(size);
  uint8_t* const ids = scores + hits.size() * sizeof(double);
  for (size_t index = 0; index < hits.size(); ++index) {
    store(scores + index * sizeof(double), hits[index].score);
    store(ids + index * sizeof(uint32_t), hits[index].id);
  }
  return call.answer(size, hits.size());
}

// textHighlight(index, query, flags, text) → how many ranges, or FAILED
napi_value highlight(napi_env env, napi_callback_info info) {
  const TextCall call(env, info);
  TextHandle& handle = call.handle();
  std::string room;
  const TextRequest request = read_request(call, room);
  const std::string_view text = call.text(call.arguments[3], call.environment.text);
  std::vector<TextRange>& ranges = handle.ranges;
  const Status found = handle.index->highlight(request, text, ranges);
  if (!found) return call.fail(found);
  const size_t size = ranges.size() * sizeof(TextRange);
  uint8_t* const to = call.room_for(size);
  if (size > 0) std::memcpy(to, ranges.data(), size);
  return call.answer(size, ranges.size());
}

// textTake(index) → how many bytes were kept and are in the scratch now
napi_value take(napi_env env, napi_callback_info info) {
  const TextCall call(env, info);
  std::vector<uint8_t>& kept = call.handle().kept;
  const size_t size = std::min(kept.size(), call.environment.scratch_bytes - kDataAt);
  std::memcpy(call.data(), kept.data(), size);
  kept = {};
  return make_size(env, size);
}

// textCompact(index), textClear(index)
napi_value compact(napi_env env, napi_callback_info info) {
  const TextCall call(env, info);
  TextHandle& handle = call.handle();
  handle.index->compact();
  account(call, handle);
  return make_answer(env, Answer::kOk);
}

napi_value clear(napi_env env, napi_callback_info info) {
  const TextCall call(env, info);
  TextHandle& handle = call.handle();
  handle.to_write().clear();
  account(call, handle);
  return make_answer(env, Answer::kOk);
}

// textSerialise(index) → the size, for textTakeBytes(index, bytes)
napi_value serialise(napi_env env, napi_callback_info info) {
  const TextCall call(env, info);
  TextHandle& handle = call.handle();
  handle.index->serialise(handle.serialised);
  napi_value size = nullptr;
  napi_create_double(env, static_cast<double>(handle.serialised.size()), &size);
  return size;
}

napi_value take_bytes(napi_env env, napi_callback_info info) {
  const TextCall call(env, info);
  TextHandle& handle = call.handle();
  const std::span<uint8_t> to = call.column<uint8_t>(1);
  const size_t size = std::min(to.size(), handle.serialised.size());
  if (size > 0) std::memcpy(to.data(), handle.serialised.data(), size);
  handle.serialised = {};
  return make_answer(env, Answer::kOk);
}

// textStats(index): documents, removed, terms, words, loose bytes, bytes in all
napi_value stats(napi_env env, napi_callback_info info) {
  const TextCall call(env, info);
  const TextHandle& handle = call.handle();
  const TextStats now = handle.index->stats();
  const double numbers[] = {
      static_cast<double>(now.document_count), static_cast<double>(now.removed_count),
      static_cast<double>(now.term_count),     static_cast<double>(now.length_sum),
      static_cast<double>(now.loose_bytes),    static_cast<double>(handle.held_bytes())};
  std::memcpy(call.data(), numbers, sizeof(numbers));
  return make_answer(env, Answer::kOk);
}

// textStopWords(language) → the words, separated by spaces
napi_value stop_words_of(napi_env env, napi_callback_info info) {
  const TextCall call(env, info);
  return make_text(env, std::string(stop_words(call.number(0))));
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
