#include "base/os/simulated_disk.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace varve {
namespace {

constexpr uint64_t kSectorBytes = 512;

std::string parent_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

Status missing(const std::string& path) {
  return {Code::kNotFound, "os: no such file or directory: " + path};
}

}  // namespace

SimulatedDisk::NodePtr SimulatedDisk::find(const std::string& path) const {
  const auto found = names_.find(path);
  return found == names_.end() ? nullptr : found->second;
}

std::vector<DirectoryEntry> SimulatedDisk::list(const std::string& directory) const {
  std::vector<DirectoryEntry> entries;
  for (const auto& [path, node] : names_) {
    if (path == "/" || parent_of(path) != directory) continue;
    const std::string name = path.substr(path.find_last_of('/') + 1);
    entries.push_back({name, node->bytes.size(), node->is_directory});
  }
  return entries;
}

// ---- names

Status SimulatedDisk::change_names(NameChange change) {
  const std::string directory = parent_of(change.back().first);
  const NodePtr above = find(directory);
  if (directory != "/" && (!above || !above->is_directory)) return missing(directory);
  for (const auto& [path, node] : change) {
    if (node)
      names_[path] = node;
    else
      names_.erase(path);
  }
  unsynced_names_[directory].push_back(std::move(change));
  return Status::ok();
}

Status SimulatedDisk::create(const std::string& path, bool is_directory) {
  if (find(path) || path == "/") return {Code::kExists, "os: it exists: " + path};
  auto node = std::make_shared<Node>();
  node->is_directory = is_directory;
  nodes_.push_back(node);
  return change_names({{path, node}});
}

Status SimulatedDisk::remove(const std::string& path, bool is_directory) {
  const NodePtr node = find(path);
  if (!node) return missing(path);
  if (node->is_directory != is_directory) return {Code::kIo, "os: of another kind: " + path};
  if (is_directory && !list(path).empty()) return {Code::kExists, "os: not empty: " + path};
  return change_names({{path, nullptr}});
}

Status SimulatedDisk::rename(const std::string& from, const std::string& to) {
  const NodePtr node = find(from);
  if (!node) return missing(from);
  return change_names({{from, nullptr}, {to, node}});
}

Status SimulatedDisk::link(const std::string& from, const std::string& to) {
  const NodePtr node = find(from);
  if (!node) return missing(from);
  if (find(to)) return {Code::kExists, "os: it exists: " + to};
  return change_names({{to, node}});
}

void SimulatedDisk::sync_directory(const std::string& directory) {
  for (const NameChange& change : unsynced_names_[directory]) {
    for (const auto& [path, node] : change) {
      if (node)
        durable_names_[path] = node;
      else
        durable_names_.erase(path);
    }
  }
  unsynced_names_.erase(directory);
}

// ---- bytes

uint64_t SimulatedDisk::free_bytes() const {
  uint64_t taken = 0;
  for (const std::weak_ptr<Node>& one : nodes_) {
    if (const NodePtr node = one.lock()) taken += node->taken_bytes;
  }
  return taken >= capacity_bytes_ ? 0 : capacity_bytes_ - taken;
}

void SimulatedDisk::apply(const Node::Change& change, std::string& to, bool torn) {
  if (change.is_resize) {
    to.resize(change.offset);
    return;
  }
  const uint64_t end = change.offset + change.bytes.size();
  if (to.size() < end) to.resize(end);
  if (!torn) {
    std::memcpy(to.data() + change.offset, change.bytes.data(), change.bytes.size());
    return;
  }
  for (uint64_t at = change.offset; at < end;) {
    const uint64_t next = std::min(end, (at / kSectorBytes + 1) * kSectorBytes);
    if (random_.one_in(2)) {
      std::memcpy(to.data() + at, change.bytes.data() + (at - change.offset), next - at);
    }
    at = next;
  }
}

Status SimulatedDisk::write(Node& node, const std::string& path, uint64_t offset, Bytes bytes) {
  const uint64_t end = offset + bytes.size();
  const uint64_t growth = end > node.taken_bytes ? end - node.taken_bytes : 0;
  uint64_t fits = bytes.size();
  if (growth > 0 && capacity_bytes_ != UINT64_MAX) {
    const uint64_t room = free_bytes();
    if (growth > room) fits -= std::min<uint64_t>(fits, growth - room);
  }
  if (fits > 0) {
    node.unsynced.push_back({offset, std::string(as_text(bytes.first(fits))), false});
    apply(node.unsynced.back(), node.bytes, false);
    node.taken_bytes = std::max(node.taken_bytes, offset + fits);
  }
  if (fits == bytes.size()) return Status::ok();
  return {Code::kNoSpace, "os: no space is left on the disk: " + path};
}

void SimulatedDisk::resize(Node& node, uint64_t size) {
  node.unsynced.push_back({size, {}, true});
  node.bytes.resize(size);
  node.taken_bytes = std::min(node.taken_bytes, size);
}

Status SimulatedDisk::allocate(Node& node, const std::string& path, uint64_t size) {
  const uint64_t growth = size > node.taken_bytes ? size - node.taken_bytes : 0;
  if (growth > 0 && capacity_bytes_ != UINT64_MAX && growth > free_bytes()) {
    return {Code::kNoSpace, "os: no space is left on the disk: " + path};
  }
  if (size > node.bytes.size()) {
    node.unsynced.push_back({size, {}, true});
    node.bytes.resize(size);
  }
  node.taken_bytes = std::max(node.taken_bytes, size);
  return Status::ok();
}

void SimulatedDisk::sync(Node& node) {
  for (const Node::Change& change : node.unsynced) apply(change, node.durable, false);
  node.unsynced.clear();
}

void SimulatedDisk::fail_sync(Node& node) {
  for (const Node::Change& change : node.unsynced) {
    if (random_.one_in(2)) apply(change, node.durable, random_.one_in(2));
  }
  node.unsynced.clear();
}

void SimulatedDisk::settle(Node& node) {
  const uint64_t fate = random_.below(4);  // 0: all stay. 1: none. Else: any of them.
  for (const Node::Change& change : node.unsynced) {
    if (fate == 1 || (fate > 1 && random_.one_in(2))) continue;
    apply(change, node.durable, fate > 1 && random_.one_in(3));
  }
  node.unsynced.clear();
  node.bytes = node.durable;
  node.taken_bytes = node.bytes.size();
}

void SimulatedDisk::crash() {
  for (const auto& [directory, changes] : unsynced_names_) {
    const uint64_t fate = random_.below(4);
    for (const NameChange& change : changes) {
      if (fate == 1 || (fate > 1 && random_.one_in(2))) continue;
      for (const auto& [path, node] : change) {
        if (node)
          durable_names_[path] = node;
        else
          durable_names_.erase(path);
      }
    }
  }
  unsynced_names_.clear();
  // In order of paths, so that what a lost directory held goes with it.
  for (auto one = durable_names_.begin(); one != durable_names_.end();) {
    const std::string above = parent_of(one->first);
    one =
        above == "/" || durable_names_.contains(above) ? std::next(one) : durable_names_.erase(one);
  }
  names_ = durable_names_;
  std::vector<std::weak_ptr<Node>> left;
  for (const std::weak_ptr<Node>& one : nodes_) {
    const NodePtr node = one.lock();
    if (!node) continue;
    settle(*node);
    left.push_back(one);
  }
  nodes_.swap(left);
}

void SimulatedDisk::flip(const std::string& path, uint64_t offset, uint8_t bits) {
  const NodePtr node = find(path);
  check(node && offset < node->bytes.size());
  node->bytes[offset] = static_cast<char>(node->bytes[offset] ^ bits);
  if (offset < node->durable.size()) node->durable[offset] = node->bytes[offset];
}

}  // namespace varve
