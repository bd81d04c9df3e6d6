// pure/bitmap/bitmap.h — a compressed set of whole numbers, of 32 or of 64 bits.
//
// The upper 48 bits of a member name a container, the lower 16 stand in it (container.h). The
// directory is one sorted list of 16-byte entries; where containers lie without gaps an entry is
// found at once, else by halving. Containers are blocks of at most 8 KiB behind the interface of
// blocks.h, so the same code runs over memory, over mapped bytes and over a store.
//
//   directory   | key, count | key, count | key, count | …
//                     │            │            │
//   blocks         array         bits         runs
//
// Ranges are inclusive at both ends, so that the last number there is can be named.
//
// Invariants
//   - keys rise; no container is empty; an array has at most 4,096 members and bits have more.
//   - total() is the sum of what the directory says.
//   - a mapped bitmap is never changed: is_mapped() must be asked first.
//   - a mapped bitmap that was not verified may hold anything behind its directory. What is made
//     of it gives wrong answers, never an access outside of a block; walks still come to an end.
// Threads: one.      Bytes: FORMAT.md
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pure/bitmap/container.h"
#include "pure/blocks/blocks.h"

namespace varve {

class Bitmap {
 public:
  explicit Bitmap(Blocks& blocks) : blocks_(&blocks) {}
  Bitmap(Bitmap&& other) noexcept;
  Bitmap& operator=(Bitmap&& other) noexcept;
  ~Bitmap();

  bool is_mapped() const { return mapped_ != nullptr; }
  Status status() const { return blocks_->status(); }

  // ---- members; what changes answers whether, or by how many members, it changed
  bool has(uint64_t member) const;
  bool add(uint64_t member);
  bool remove(uint64_t member);
  template <class Member>
  uint64_t add_many(std::span<const Member> members);
  template <class Member>
  uint64_t remove_many(std::span<const Member> members);
  template <class Member>
  void has_many(std::span<const Member> members, uint8_t* answers) const;
  void add_range(uint64_t first, uint64_t last);
  void remove_range(uint64_t first, uint64_t last);
  void flip_range(uint64_t first, uint64_t last);
  void clear();

  // ---- order
  uint64_t total() const { return total_; }
  uint64_t rank(uint64_t member) const;  // Members at or below it.
  std::optional<uint64_t> select(uint64_t index) const;
  std::optional<uint64_t> next(uint64_t from) const;      // The least at or above.
  std::optional<uint64_t> previous(uint64_t from) const;  // The greatest at or below.
  // Members from `from` on, upwards or downwards, at most `room`.
  template <class Member>
  size_t list_up(uint64_t from, Member* to, size_t room) const;
  template <class Member>
  size_t list_down(uint64_t from, Member* to, size_t room) const;
  uint64_t count_range(uint64_t first, uint64_t last) const;
  // The members below 8 * to.size() as bits, the lowest first.
  void flatten(MutableBytes to) const;

  // ---- sets
  Bitmap copy(Blocks& blocks) const;
  Bitmap slice(uint64_t first, uint64_t last, Blocks& blocks) const;
  // The same, with `first`, a multiple of 65,536, taken from each member.
  Bitmap slice_down(uint64_t first, uint64_t last, Blocks& blocks) const;
  void join(SetOp op, const Bitmap& other);
  static Bitmap joined(SetOp op, const Bitmap& a, const Bitmap& b, Blocks& blocks);
  static uint64_t joined_count(SetOp op, const Bitmap& a, const Bitmap& b);
  // An expression, operands before their operation: container by container, so that no bitmap is
  // made on the way. kAndNot takes all others from the first.
  struct Step {
    const Bitmap* set = nullptr;  // Null: an operation on the last `operand_count` results.
    SetOp op = SetOp::kAnd;
    uint32_t operand_count = 0;
  };
  // Whether the steps leave one result and are within the limits.
  static bool is_expression(std::span<const Step> steps);
  static Bitmap evaluate(std::span<const Step> steps, Blocks& blocks);
  static uint64_t evaluate_count(std::span<const Step> steps);
  bool intersects(const Bitmap& other) const;
  bool is_subset_of(const Bitmap& other) const;
  bool equals(const Bitmap& other) const;

  // ---- memory
  // Each container in its smallest form, each block no larger than it must be.
  void optimise();
  struct Statistics {
    uint64_t array_count = 0;
    uint64_t bits_count = 0;
    uint64_t run_count = 0;      // Containers of runs.
    uint64_t payload_bytes = 0;  // What their members take.
    uint64_t directory_bytes = 0;
  };
  Statistics statistics() const;

  // ---- bytes
  std::string serialise() const;
  static Result<Bitmap> deserialise(Bytes bytes, Blocks& blocks);
  // Reads the directory and leaves the rest where it lies; `bytes` begin at a multiple of 8 and
  // outlive the bitmap.
  static Result<Bitmap> map(Bytes bytes);
  // Whether every container holds what the directory says.
  Status verify() const;
  // The directory alone, for a bitmap whose blocks outlive it: save it, detach from the blocks, and
  // later attach again. What is attached is trusted as little as what is mapped.
  void save_directory(std::string& to) const;
  void detach();
  static Result<Bitmap> attach(Bytes directory, Blocks& blocks);
  // The portable format of Roaring bitmaps, of 32 bits or, if `wide`, of 64.
  // Members above 32 bits have no place in the narrow one.
  std::string to_portable(bool wide) const;
  static Result<Bitmap> from_portable(Bytes bytes, bool wide, Blocks& blocks);

 private:
  struct Entry {
    uint64_t key_count;  // The key above, the number of members less one in the lowest 16 bits.
    BlockId block;
    uint16_t run_count;
    ContainerKind kind;
    bool is_dropped;  // Without a block, until sweep().

    uint64_t key() const { return key_count >> 16; }
    uint32_t count() const { return static_cast<uint32_t>(key_count & 0xffff) + 1; }
  };
  static_assert(sizeof(Entry) == 16);
  class Evaluation;

  // An entry of our own bytes; nothing where it is none.
  static std::optional<Entry> read_entry(const uint8_t* from);
  static void write_entry(const Entry& entry, uint32_t place, uint8_t* to);

  ContainerView view(const Entry& entry) const;
  // Where the key stands, or would.
  size_t place_of(uint64_t key) const;
  bool is_at(size_t place, uint64_t key) const {
    return place < entries_.size() && entries_[place].key() == key;
  }
  const Entry* find(uint64_t key) const;
  void insert(size_t place, uint64_t key, const ContainerView& set);
  void append(uint64_t key, const ContainerView& set);
  void append_slice(const Bitmap& from, uint64_t first, uint64_t last, uint64_t key_less);
  void append_joined(uint64_t key, SetOp op, const ContainerView& a, const ContainerView& b,
                     Draft& draft);
  Entry make_entry(uint64_t key, const ContainerView& set);
  // The container becomes `set`, or is dropped where that is empty.
  void replace(size_t place, const ContainerView& set);
  // Gives the block back. The entry goes with sweep(), many of them in one pass, before whoever
  // drops returns to its caller.
  void drop(size_t place);
  void sweep();
  // Takes entries whose keys rise and are not here.
  void absorb(std::vector<Entry>& fresh);
  void set_count(Entry& entry, uint32_t count);
  void changed() { sums_.clear(); }

  bool add_to_array(size_t place, uint16_t low);
  bool add_to_runs(size_t place, uint16_t low);
  bool remove_from_array(size_t place, uint16_t low);
  bool remove_from_runs(size_t place, uint16_t low);
  void settle(size_t place);  // After bits or runs changed in place.
  void change_bits_at(size_t place, bool adds, std::span<const uint16_t> lows);
  // Joins what stands under the key, or notes it in `fresh` where nothing does.
  void combine_at(SetOp op, uint64_t key, const ContainerView& set, std::vector<Entry>& fresh);
  void combine_group(SetOp op, uint64_t key, std::span<uint16_t> lows, std::vector<Entry>& fresh);
  template <class Member>
  void combine_many(SetOp op, std::span<const Member> members);
  void combine_range(SetOp op, uint64_t first, uint64_t last);
  void join_at(SetOp op, size_t place, const ContainerView& set);
  const std::vector<uint64_t>& sums() const;
  std::string portable_group(size_t begin, size_t end, bool has_runs) const;

  Blocks* blocks_;
  std::unique_ptr<MappedBlocks> mapped_;
  std::vector<Entry> entries_;
  uint64_t total_ = 0;
  size_t dropped_count_ = 0;
  mutable std::vector<uint64_t> sums_;  // Members before each entry; empty until asked for.
};

}  // namespace varve
