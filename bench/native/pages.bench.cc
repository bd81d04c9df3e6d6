// Reading pages of a file, in four ways: positioned reads, with and without checking what was read;
// a mapped file, as a yardstick alone (a mapped page has no budget and turns a disk error into a
// signal); and the pool of the B+tree, where what was read before is in memory. Random and in
// order, warm (the system has the file) and cold (it was told to forget it), with and without
// telling it what comes next. 256 MB; wall-clock nanoseconds per KiB, so that page sizes compare.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "base/random.h"
#include "bench.h"
#include "engine/btree/pool.h"

namespace varve::bench {
namespace {

using namespace btree;

constexpr uint64_t kFileBytes = uint64_t{256} << 20;
constexpr uint64_t kReadBytes = uint64_t{32} << 20;  // Of it, in one measurement.
constexpr uint32_t kAheads[] = {4, 8, 16, 32, 64, 128};  // Pages told of before they are read.

uint64_t taken = 0;  // Keeps what is read from being left out.

class Pages {
 public:
  Pages(std::string directory, uint32_t page_bytes)
      : cache_(epochs_, uint64_t{512} << 20),
        site_{native_os(),
              std::move(directory),
              {},
              page_bytes,
              static_cast<uint32_t>(kFileBytes / page_bytes)},
        pool_(site_, cache_, Writing::kThrough) {
    Result<std::shared_ptr<Extent>> made = Extent::create(site_, cache_, 1, 0);
    check(static_cast<bool>(made));
    extents_.push_back(std::move(*made));
    for (uint32_t i = 1; i < site_.extent_pages; ++i) refs_.push_back(write(i));
    check(static_cast<bool>(pool_.flush(extents_)) && static_cast<bool>(extents_[0]->sync()));
    slot_ = epochs_.take_slot();
  }
  ~Pages() { epochs_.give_back(slot_); }

  uint32_t page_bytes() const { return site_.page_bytes; }
  size_t count() const { return refs_.size(); }
  const std::string& path() const { return extents_[0]->path(); }
  void announce(size_t i) { extents_[0]->will_read(static_cast<uint32_t>(i + 1), 1); }
  void read(size_t i, bool checks) {
    page_.resize(site_.page_bytes);
    const MutableBytes into(reinterpret_cast<uint8_t*>(page_.data()), page_.size());
    check(static_cast<bool>(extents_[0]->read(static_cast<uint32_t>(i + 1), into)));
    if (checks) check(page_checksum(into, place_seed(1, i + 1)) == refs_[i].checksum);
    taken += into[100];
  }
  void find(size_t i) {
    const EpochDomain::Guard guard(epochs_, *slot_);
    const uint8_t* page = nullptr;
    check(static_cast<bool>(pool_.find(extents_, refs_[i], kind_of(PageType::kValue), true, page)));
    taken += page[100];
  }

 private:
  PageRef write(uint32_t index) {
    const std::string bytes(site_.page_bytes - kPieceHeadBytes, static_cast<char>(index));
    PageHead head;
    head.type = PageType::kValue;
    std::string page = encode_piece(head, {}, as_bytes(bytes), site_.page_bytes);
    seal_page(page, place_seed(1, index));
    PageRef ref;
    ref.place = index;
    ref.units = 1;
    ref.checksum = load<uint32_t>(reinterpret_cast<const uint8_t*>(page.data()));
    check(static_cast<bool>(pool_.put(extents_, index, std::move(page))));
    return ref;
  }

  EpochDomain epochs_;
  Cache cache_;
  const ExtentSite site_;
  Pool pool_;
  Extents extents_;
  std::vector<PageRef> refs_;
  EpochDomain::Slot* slot_ = nullptr;
  std::string page_;
};

void forget(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY);
  check(file >= 0 && ::fsync(file) == 0);
  check(::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0);
  ::close(file);
}

double now_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

template <class Read>
void row(Table& table, const std::string& name, Pages& pages, const std::vector<size_t>& order,
         Read read) {
  const double begun = now_ns();
  for (size_t i = 0; i < order.size(); ++i) read(i);
  const double kib = static_cast<double>(order.size()) * pages.page_bytes() / 1024;
  table.add(name, std::to_string(pages.page_bytes() / 1024) + " KiB", (now_ns() - begun) / kib);
}

void map_rows(Table& table, const std::string& name, Pages& pages,
              const std::vector<size_t>& order) {
  const int file = ::open(pages.path().c_str(), O_RDONLY);
  void* const at = ::mmap(nullptr, kFileBytes, PROT_READ, MAP_SHARED, file, 0);
  check(file >= 0 && at != MAP_FAILED);
  const uint8_t* const bytes = static_cast<const uint8_t*>(at);
  row(table, name, pages, order, [&](size_t i) {
    const uint8_t* const page = bytes + (order[i] + 1) * pages.page_bytes();
    for (uint32_t line = 0; line < pages.page_bytes(); line += 64) taken += page[line];
  });
  ::munmap(at, kFileBytes);
  ::close(file);
}

void measure(Table& table, const std::string& directory, uint32_t page_bytes, bool in_order) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  Pages pages(directory, page_bytes);
  Random random(7);
  std::vector<size_t> order;
  for (size_t i = 0; i < kReadBytes / page_bytes; ++i) {
    order.push_back(in_order ? i : random.below(pages.count()));
  }
  const std::string way = in_order ? "in order, " : "at random, ";
  const auto read_ahead = [&](const std::string& state, uint32_t depth) {
    row(table, way + state + ", read, told of " + std::to_string(depth), pages, order,
        [&](size_t i) {
          if (i + depth < order.size()) pages.announce(order[i + depth]);
          pages.read(order[i], false);
        });
  };
  forget(pages.path());
  row(table, way + "cold, read", pages, order, [&](size_t i) { pages.read(order[i], false); });
  for (const uint32_t depth : kAheads) {
    forget(pages.path());
    read_ahead("cold", depth);
  }
  forget(pages.path());
  map_rows(table, way + "cold, mapped", pages, order);
  for (const size_t i : order) pages.read(i, false);
  row(table, way + "warm, read", pages, order, [&](size_t i) { pages.read(order[i], false); });
  row(table, way + "warm, read, checked", pages, order,
      [&](size_t i) { pages.read(order[i], true); });
  read_ahead("warm", kAheads[3]);
  map_rows(table, way + "warm, mapped", pages, order);
  row(table, way + "warm, pool, first time", pages, order, [&](size_t i) { pages.find(order[i]); });
  row(table, way + "pool, again", pages, order, [&](size_t i) { pages.find(order[i]); });
}

const Bench pages("pages", [](Table& table) {
  const std::string directory =
      (std::filesystem::temp_directory_path() / "varve-bench-pages").string();
  for (const uint32_t page_bytes : {4096u, 8192u, 16384u, 65536u}) {
    for (const bool in_order : {true, false}) measure(table, directory, page_bytes, in_order);
  }
  std::filesystem::remove_all(directory);
  std::printf("%s", taken == 1 ? " " : "");
});

}  // namespace
}  // namespace varve::bench
