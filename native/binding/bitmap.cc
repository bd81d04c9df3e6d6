// binding/bitmap.cc — bitmaps on their own.
//
// A bitmap of JavaScript's is an External with a finaliser, and a number that stands for it in the
// environment's table: the number crosses, the External keeps it alive. Members go over in the
// registers, kFirst and kLast, as 64 bits each; so has() and add() are calls without arguments and
// without an answer, which cost a third of one with both. All bitmaps of a thread share one home.
#include "binding/bitmap.h"

#include "binding/arguments.h"
#include "pure/bitmap/bitmap.h"

namespace varve {

struct BitmapRoom;

namespace {

// Outlives its room's environment where its finaliser runs late; the room then lives as long.
struct Held final : Owned {
  Held(std::shared_ptr<BitmapRoom> its_room, Bitmap its_bitmap, uint32_t its_id)
      : room(std::move(its_room)), bitmap(std::move(its_bitmap)), id(its_id) {}
  ~Held() override;  // Only now the id is another's.
  void let_go(napi_env env) override;

  const std::shared_ptr<BitmapRoom> room;
  Bitmap bitmap;
  const uint32_t id;
};

}  // namespace

struct BitmapRoom {
  static constexpr int64_t kAccountedStep = int64_t{64} << 10;

  explicit BitmapRoom(Environment& owner) : environment(owner) {}

  Environment& environment;  // Not to be touched by finalisers.
  MemoryBlocks blocks;
  std::vector<Held*> held;  // By id; null where one is free.
  std::vector<uint32_t> free;
  int64_t accounted = 0;  // What the collector was told of, to a step.
  std::string bytes;      // Serialised, until they are taken.

  Bitmap& bitmap(uint32_t id) const {
    check(id < held.size() && held[id] != nullptr);
    return held[id]->bitmap;
  }
  uint32_t get32(Register32 cell) const {
    return load<uint32_t>(environment.scratch + static_cast<uint32_t>(cell) * 4);
  }
  uint64_t member(Register32 cell) const {
    return load<uint64_t>(environment.scratch + static_cast<uint32_t>(cell) * 4);
  }
  void set_member(Register32 cell, uint64_t member) {
    store<uint64_t>(environment.scratch + static_cast<uint32_t>(cell) * 4, member);
  }

  // Blocks are what bitmaps mostly are; their directories are at most a quarter of that. Spare ones
  // are no reason to collect anything.
  void account(napi_env env) {
    const int64_t now = static_cast<int64_t>(blocks.used_bytes());
    if (std::abs(now - accounted) >= kAccountedStep) varve::account(env, accounted, now);
  }
};

namespace {

struct BitmapCall {
  const Call given;
  BitmapRoom& room;

  BitmapCall(napi_env env, napi_callback_info info)
      : given(env, info), room(*static_cast<BitmapRoom*>(given.bound)) {}

  uint32_t number(size_t index) const { return read_uint32(given, index); }
  bool is_wide(size_t index) const {
    return read_element_type(given, index) == napi_biguint64_array;
  }
  template <class Element>
  std::span<Element> elements(size_t index) const {
    return read_elements<Element>(given, index);
  }
  Bitmap& bitmap(size_t index) const { return room.bitmap(number(index)); }
  napi_value answer(Answer answer = Answer::kOk) const {
    room.account(given.env);
    return make_answer(given.env, answer);
  }
  napi_value fail(const Status& status) const { return answer(room.environment.fail(status)); }
};

// ---- lives

void Held::let_go(napi_env env) {
  bitmap = Bitmap(room->blocks);
  room->account(env);
}

Held::~Held() {
  room->held[id] = nullptr;
  room->free.push_back(id);
}

// → External; its number is left in kBitmap.
napi_value hand_over(const BitmapCall& call, Bitmap bitmap) {
  BitmapRoom& room = call.room;
  if (room.free.empty()) {
    room.free.push_back(static_cast<uint32_t>(room.held.size()));
    room.held.push_back(nullptr);
  }
  const uint32_t id = room.free.back();
  room.free.pop_back();
  auto held = std::make_unique<Held>(room.environment.bitmaps, std::move(bitmap), id);
  room.held[id] = held.get();
  room.account(call.given.env);
  room.environment.set32(Register32::kBitmap, id);
  return room.environment.owned->own(call.given.env, std::move(held));
}

// bitmapCreate()
napi_value create(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  return hand_over(call, Bitmap(call.room.blocks));
}

// bitmapCopy(id): members kFirst to kLast
napi_value copy(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  const uint64_t first = call.room.member(Register32::kFirst);
  const uint64_t last = call.room.member(Register32::kLast);
  return hand_over(call, call.bitmap(0).slice(first, last, call.room.blocks));
}

// ---- one member, in kFirst, of the bitmap in kBitmap; the answer is left in kAnswer

BitmapRoom& room_of(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  return *static_cast<BitmapRoom*>(data);
}

Bitmap& registered(const BitmapRoom& room) { return room.bitmap(room.get32(Register32::kBitmap)); }

napi_value has(napi_env env, napi_callback_info info) {
  BitmapRoom& room = room_of(env, info);
  const bool answer = registered(room).has(room.member(Register32::kFirst));
  room.environment.set32(Register32::kAnswer, answer ? 1 : 0);
  return nullptr;
}

napi_value remove(napi_env env, napi_callback_info info) {
  BitmapRoom& room = room_of(env, info);
  const bool answer = registered(room).remove(room.member(Register32::kFirst));
  room.environment.set32(Register32::kAnswer, answer ? 1 : 0);
  room.account(env);
  return nullptr;
}

napi_value add(napi_env env, napi_callback_info info) {
  BitmapRoom& room = room_of(env, info);
  registered(room).add(room.member(Register32::kFirst));
  room.account(env);
  return nullptr;
}

// ---- many members

template <class Member>
uint64_t change_many(Bitmap& bitmap, std::span<const Member> members, bool adds) {
  return adds ? bitmap.add_many(members) : bitmap.remove_many(members);
}

// bitmapMany(id, Uint32Array | BigUint64Array, adds: 0 | 1): how many it changed is left in kFound
napi_value many(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  const bool adds = call.number(2) != 0;
  const uint64_t changed =
      call.is_wide(1) ? change_many(call.bitmap(0), call.elements<const uint64_t>(1), adds)
                      : change_many(call.bitmap(0), call.elements<const uint32_t>(1), adds);
  call.room.environment.set64(Register64::kFound, static_cast<double>(changed));
  return call.answer();
}

// bitmapHasMany(id, Uint32Array | BigUint64Array, Uint8Array of as many answers)
napi_value has_many(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  const std::span<uint8_t> to = call.elements<uint8_t>(2);
  check(to.size() >= call.elements<uint8_t>(1).size());
  if (call.is_wide(1)) {
    call.bitmap(0).has_many(call.elements<const uint64_t>(1), to.data());
  } else {
    call.bitmap(0).has_many(call.elements<const uint32_t>(1), to.data());
  }
  return call.answer();
}

// bitmapRange(id, 0 add, 1 remove, 2 flip): members kFirst to kLast
napi_value range(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  Bitmap& bitmap = call.bitmap(0);
  const uint64_t first = call.room.member(Register32::kFirst);
  const uint64_t last = call.room.member(Register32::kLast);
  switch (call.number(1)) {
    case 0: bitmap.add_range(first, last); break;
    case 1: bitmap.remove_range(first, last); break;
    default: bitmap.flip_range(first, last);
  }
  return call.answer();
}

// ---- order

// bitmapCount(id) → members from kFirst to kLast; bitmapSize(id) → all
napi_value make_count(const BitmapCall& call, uint64_t count) {
  return make_double(call.given.env, static_cast<double>(count));
}

napi_value count(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  return make_count(call, call.bitmap(0).count_range(call.room.member(Register32::kFirst),
                                                     call.room.member(Register32::kLast)));
}

napi_value size(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  return make_count(call, call.bitmap(0).total());
}

// bitmapFind(id, 0 next, 1 previous, 2 select): from kFirst; kOk with the member in kFirst, or
// kAbsent
napi_value find(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  const Bitmap& bitmap = call.bitmap(0);
  const uint64_t from = call.room.member(Register32::kFirst);
  const uint32_t what = call.number(1);
  const std::optional<uint64_t> found = what == 0   ? bitmap.next(from)
                                        : what == 1 ? bitmap.previous(from)
                                                    : bitmap.select(from);
  if (!found) return call.answer(Answer::kAbsent);
  call.room.set_member(Register32::kFirst, *found);
  return call.answer();
}

template <class Member>
size_t list_in(const Bitmap& bitmap, uint64_t from, bool down, std::span<Member> to) {
  return down ? bitmap.list_down(from, to.data(), to.size())
              : bitmap.list_up(from, to.data(), to.size());
}

// bitmapList(id, to: Uint32Array | Float64Array | BigUint64Array, down: 0 | 1): from kFirst; how
// many it wrote is left in kFound
napi_value list(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  const bool down = call.number(2) != 0;
  const uint64_t from = call.room.member(Register32::kFirst);
  const Bitmap& bitmap = call.bitmap(0);
  const napi_typedarray_type type = read_element_type(call.given, 1);
  const size_t listed =
      type == napi_uint32_array    ? list_in(bitmap, from, down, call.elements<uint32_t>(1))
      : type == napi_float64_array ? list_in(bitmap, from, down, call.elements<double>(1))
                                   : list_in(bitmap, from, down, call.elements<uint64_t>(1));
  call.room.environment.set64(Register64::kFound, static_cast<double>(listed));
  return call.answer();
}

// bitmapFlatten(id, Uint32Array): the lowest members as bits
napi_value flatten(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  const std::span<uint32_t> to = call.elements<uint32_t>(1);
  call.bitmap(0).flatten({reinterpret_cast<uint8_t*>(to.data()), to.size_bytes()});
  return call.answer();
}

// ---- sets

// An expression is so many first numbers of an Int32Array, operands first: a bitmap as its number,
// an operation as -1 - (op | operands * 4).
bool read_steps(const BitmapCall& call, std::vector<Bitmap::Step>& steps) {
  const std::span<const int32_t> program = call.elements<const int32_t>(0);
  const size_t step_count = call.number(1);
  check(step_count <= program.size());
  for (const int32_t code : program.first(step_count)) {
    if (code >= 0) {
      steps.push_back({.set = &call.room.bitmap(static_cast<uint32_t>(code))});
    } else {
      const uint32_t operation = static_cast<uint32_t>(-1 - code);
      steps.push_back({.op = static_cast<SetOp>(operation % 4), .operand_count = operation / 4});
    }
  }
  return Bitmap::is_expression(steps);
}

// Two sets under one operation have quicker ways than an expression has.
bool is_pair(const std::vector<Bitmap::Step>& steps) {
  return steps.size() == 3 && steps[2].set == nullptr && steps[2].operand_count == 2;
}

Status too_deep() {
  return {Code::kTooLarge, "bitmap: an expression has at most 64 operations and 65,536 parts"};
}

// bitmapEvaluate(program, steps)
napi_value evaluate(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  std::vector<Bitmap::Step> steps;
  if (!read_steps(call, steps)) return call.fail(too_deep());
  MemoryBlocks& blocks = call.room.blocks;
  return hand_over(call, is_pair(steps)
                             ? Bitmap::joined(steps[2].op, *steps[0].set, *steps[1].set, blocks)
                             : Bitmap::evaluate(steps, blocks));
}

// bitmapEvaluateCount(program, steps): left in kFound
napi_value evaluate_count(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  std::vector<Bitmap::Step> steps;
  if (!read_steps(call, steps)) return call.fail(too_deep());
  const uint64_t count = is_pair(steps)
                             ? Bitmap::joined_count(steps[2].op, *steps[0].set, *steps[1].set)
                             : Bitmap::evaluate_count(steps);
  call.room.environment.set64(Register64::kFound, static_cast<double>(count));
  return call.answer();
}

// bitmapJoin(id, op, other)
napi_value join(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  call.bitmap(0).join(static_cast<SetOp>(call.number(1) % 4), call.bitmap(2));
  return call.answer();
}

// bitmapCompare(id, other, 0 intersects, 1 is a subset, 2 equals) → 0 | 1
napi_value compare(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  const Bitmap& a = call.bitmap(0);
  const Bitmap& b = call.bitmap(1);
  const uint32_t what = call.number(2);
  const bool holds = what == 0 ? a.intersects(b) : what == 1 ? a.is_subset_of(b) : a.equals(b);
  return make_int(env, holds ? 1 : 0);
}

// ---- bytes

enum class Form : uint32_t { kOwn = 0, kPortable = 1, kPortableWide = 2, kMapped = 3 };

// bitmapWrite(id, form): the bytes wait for bitmapTake(); their size is left in kFound
napi_value write(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  const Form form = static_cast<Form>(call.number(1));
  const Bitmap& bitmap = call.bitmap(0);
  call.room.bytes =
      form == Form::kOwn ? bitmap.serialise() : bitmap.to_portable(form == Form::kPortableWide);
  call.room.environment.set64(Register64::kFound, static_cast<double>(call.room.bytes.size()));
  return call.answer();
}

// bitmapTake(Uint8Array of that size)
napi_value take(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  const MutableBytes to = call.elements<uint8_t>(0);
  check(to.size() == call.room.bytes.size());
  std::memcpy(to.data(), call.room.bytes.data(), to.size());
  call.room.bytes = std::string();
  return call.answer();
}

Result<Bitmap> read_form(Form form, Bytes bytes, MemoryBlocks& blocks) {
  if (form == Form::kMapped) return Bitmap::map(bytes);
  if (form == Form::kOwn) return Bitmap::deserialise(bytes, blocks);
  return Bitmap::from_portable(bytes, form == Form::kPortableWide, blocks);
}

// bitmapRead(Uint8Array, form): mapped bytes begin at a multiple of 8 and stay, as JavaScript sees
// to; the rest is copied
napi_value read(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  const Form form = static_cast<Form>(call.number(1));
  Result<Bitmap> bitmap = read_form(form, call.elements<const uint8_t>(0), call.room.blocks);
  if (!bitmap) return call.fail(bitmap.error());
  return hand_over(call, std::move(*bitmap));
}

// bitmapVerify(id)
napi_value verify(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  const Status sound = call.bitmap(0).verify();
  return sound ? call.answer() : call.fail(sound);
}

// ---- memory

// bitmapOptimise(id)
napi_value optimise(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  call.bitmap(0).optimise();
  return call.answer();
}

// bitmapClear(id)
napi_value clear(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  call.bitmap(0).clear();
  return call.answer();
}

// bitmapStatistics(id, Float64Array of 5)
napi_value statistics(napi_env env, napi_callback_info info) {
  const BitmapCall call(env, info);
  const std::span<double> to = call.elements<double>(1);
  check(to.size() == 5);
  const Bitmap::Statistics counted = call.bitmap(0).statistics();
  to[0] = static_cast<double>(counted.array_count);
  to[1] = static_cast<double>(counted.bits_count);
  to[2] = static_cast<double>(counted.run_count);
  to[3] = static_cast<double>(counted.payload_bytes);
  to[4] = static_cast<double>(counted.directory_bytes);
  return call.answer();
}

}  // namespace

std::shared_ptr<BitmapRoom> make_bitmap_room(Environment& environment) {
  return std::make_shared<BitmapRoom>(environment);
}

const Bitmap& bitmap_of(const Environment& environment, uint32_t id) {
  return environment.bitmaps->bitmap(id);
}

const std::vector<Method>& bitmap_methods() {
  static const std::vector<Method> methods = {
      {"bitmapCreate", create},
      {"bitmapCopy", copy},
      {"bitmapHas", has},
      {"bitmapAdd", add},
      {"bitmapRemove", remove},
      {"bitmapMany", many},
      {"bitmapHasMany", has_many},
      {"bitmapRange", range},
      {"bitmapCount", count},
      {"bitmapSize", size},
      {"bitmapFind", find},
      {"bitmapList", list},
      {"bitmapFlatten", flatten},
      {"bitmapEvaluate", evaluate},
      {"bitmapEvaluateCount", evaluate_count},
      {"bitmapJoin", join},
      {"bitmapCompare", compare},
      {"bitmapWrite", write},
      {"bitmapTake", take},
      {"bitmapRead", read},
      {"bitmapVerify", verify},
      {"bitmapOptimise", optimise},
      {"bitmapClear", clear},
      {"bitmapStatistics", statistics},
  };
  return methods;
}

}  // namespace varve
