// Hostile bitmaps: our own bytes and the portable ones are refused with the place, or are a bitmap
// that comes back the same from either form.
//
// The first byte says which: portable of 32 or of 64 bits, our own as they are, or with the
// checksums made good. A bitmap that is mapped without being verified may hold nonsense; everything
// there is is done with it, and has to stay within its blocks and come to an end.
#include <algorithm>
#include <vector>

#include "fuzz.h"
#include "pure/bitmap/bitmap.h"
#include "pure/codec/crc32c.h"

namespace varve {
namespace {

constexpr size_t kHeaderBytes = 40;
constexpr size_t kBatchCountMax = 64;
constexpr SetOp kOps[] = {SetOp::kAnd, SetOp::kOr, SetOp::kXor, SetOp::kAndNot};

void sum_anew(MutableBytes bytes) {
  if (bytes.size() < kHeaderBytes) return;
  const uint64_t containers = load<uint32_t>(&bytes[8]);
  const size_t directory = std::min<uint64_t>(containers * 16, bytes.size() - kHeaderBytes);
  store<uint64_t>(&bytes[24], bytes.size());
  store<uint32_t>(&bytes[32], crc32c(bytes.subspan(kHeaderBytes + directory)));
  store<uint32_t>(&bytes[12], 0);
  store<uint32_t>(&bytes[12], crc32c(bytes.first(kHeaderBytes + directory)));
}

// Walks up and down by small batches: each goes on where the last one ended.
void walk(const Bitmap& bitmap) {
  uint64_t batch[100];
  uint64_t from = 0;
  for (size_t round = 0; round < kBatchCountMax; ++round) {
    const size_t count = bitmap.list_up(from, batch, std::size(batch));
    if (count == 0 || batch[count - 1] == UINT64_MAX) break;
    check(batch[count - 1] >= from);
    from = batch[count - 1] + 1;
  }
  from = UINT64_MAX;
  for (size_t round = 0; round < kBatchCountMax; ++round) {
    const size_t count = bitmap.list_down(from, batch, std::size(batch));
    if (count == 0 || batch[count - 1] == 0) break;
    check(batch[count - 1] <= from);
    from = batch[count - 1] - 1;
  }
}

void ask(const Bitmap& bitmap, uint64_t probe) {
  const uint64_t rank = bitmap.rank(probe);
  bitmap.has(probe);
  bitmap.select(rank);
  bitmap.select(rank / 2);
  const auto above = bitmap.next(probe);
  const auto below = bitmap.previous(probe);
  check(!above || *above >= probe);
  check(!below || *below <= probe);
  bitmap.count_range(probe / 2, probe);
}

void change(Bitmap& bitmap, uint64_t member) {
  bitmap.add(member);
  bitmap.remove(member + 1);
  bitmap.remove(bitmap.next(member + 2).value_or(0));
  bitmap.flip_range(member, member + 300);
  bitmap.optimise();
  bitmap.add(member + 7);
  bitmap.remove(member / 2);
  const uint64_t many[] = {member, member + 1, member + 9, member + 70000};
  bitmap.add_many(std::span<const uint64_t>(many));
  bitmap.remove_range(member + 5, member + 100);
}

// Whatever the content is, nothing leaves its block.
void use(const Bitmap& mapped, uint64_t probe) {
  MemoryBlocks blocks;
  {
    walk(mapped);
    ask(mapped, probe);
    Bitmap copy = mapped.copy(blocks);
    change(copy, std::min<uint64_t>(probe, UINT64_MAX - 200000));
    walk(copy);
    for (const SetOp op : kOps) {
      const Bitmap::Step steps[] = {
          {.set = &mapped}, {.set = &copy}, {.set = &mapped}, {.op = op, .operand_count = 3}};
      Bitmap joined = Bitmap::evaluate(steps, blocks);
      Bitmap::joined(op, copy, mapped, blocks);
      Bitmap::joined_count(op, mapped, copy);
      joined.join(op, mapped);
      joined.optimise();
      walk(joined);
    }
    mapped.intersects(copy);
    mapped.is_subset_of(copy);
    mapped.equals(copy);
    mapped.slice(probe / 3, probe, blocks);
    mapped.to_portable(true);
    copy.serialise();
  }
  check(blocks.used_bytes() == 0);
}

// A sound bitmap comes back the same from both forms.
void return_same(const Bitmap& bitmap) {
  MemoryBlocks blocks;
  const Result<Bitmap> own = Bitmap::deserialise(as_bytes(bitmap.serialise()), blocks);
  check(own && own->equals(bitmap) && bool(own->verify()));
  const Result<Bitmap> ported =
      Bitmap::from_portable(as_bytes(bitmap.to_portable(true)), true, blocks);
  check(ported && ported->equals(bitmap) && ported->total() == bitmap.total());
}

void run(Bytes input) {
  if (input.size() < 2) return;
  const uint64_t probe = uint64_t{input[1]} * 2999;
  std::vector<uint64_t> words(input.size() / 8 + 1);
  const MutableBytes bytes(reinterpret_cast<uint8_t*>(words.data()), input.size() - 2);
  std::copy(input.begin() + 2, input.end(), bytes.begin());
  const uint8_t mode = input[0] & 3;
  MemoryBlocks blocks;
  if (mode < 2) {
    const Result<Bitmap> read = Bitmap::from_portable(bytes, mode == 1, blocks);
    if (!read) return check(read.error().code() == Code::kCorrupt);
    check(static_cast<bool>(read->verify()));
    return_same(*read);
    return use(*read, probe);
  }
  if (mode == 3) sum_anew(bytes);
  const Result<Bitmap> mapped = Bitmap::map(bytes);
  const Result<Bitmap> read = Bitmap::deserialise(bytes, blocks);
  check(mapped || !read);
  if (!mapped) return;
  use(*mapped, probe);
  if (read) return_same(*read);
}

const fuzz::Target target("bitmap", run);

}  // namespace
}  // namespace varve
