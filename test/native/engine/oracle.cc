#include "engine/oracle.h"

#include <algorithm>

namespace varve::test {

namespace {

// Ends as bytes, but an empty end after all others.
bool ends_before(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return !a.empty() && b.empty();
  return a < b;
}

}  // namespace

void Oracle::put(const std::string& key, const std::string& value, uint8_t flags,
                 uint64_t expires_ms) {
  versions_[key][commit_] = {key, commit_, EditKind::kPut, flags, expires_ms, value};
}

void Oracle::remove(const std::string& key) {
  versions_[key][commit_] = {key, commit_, EditKind::kDelete, 0, 0, ""};
}

// What the same commit wrote there before is gone; what it writes afterwards stands.
void Oracle::delete_range(const std::string& begin, const std::string& end) {
  const Bounds bounds{begin, end};
  for (auto& [key, versions] : versions_) {
    if (bounds.has(key)) versions.erase(commit_);
  }
  deletions_.push_back({begin, end, commit_});
}

Status Oracle::absorb_into(Engine& engine, const Retention& retention) {
  std::vector<Deletion> deletions;
  for (const Deletion& deletion : deletions_) {
    if (deletion.commit > absorbed_) deletions.push_back(deletion);
  }
  Status status =
      hand_over(engine, versions({}, absorbed_, commit_), std::move(deletions), retention);
  absorbed_ = commit_;
  return status;
}

Status Oracle::absorb_in_parts(Engine& engine, const std::vector<std::string>& seams,
                               const Retention& retention, const std::function<void()>& between) {
  std::string low;
  for (size_t i = 0; i <= seams.size(); ++i) {
    const Bounds part{low, i < seams.size() ? seams[i] : ""};
    Status status = hand_over(engine, versions(part, absorbed_, commit_),
                              range_deletions(part, absorbed_, commit_), retention);
    if (!status) return status;
    between();
    low = part.end;
  }
  absorbed_ = commit_;
  return Status::ok();
}

Status Oracle::hand_over(Engine& engine, std::vector<Line> lines, std::vector<Deletion> deletions,
                         const Retention& retention) {
  for (const Line& line : lines) absorbed_bytes_ += line.key.size() + line.value.size();
  std::sort(deletions.begin(), deletions.end(), [](const Deletion& a, const Deletion& b) {
    if (a.begin != b.begin) return a.begin < b.begin;
    return a.end != b.end ? ends_before(a.end, b.end) : a.commit < b.commit;
  });
  Run run;
  run.commit_first = absorbed_ + 1;
  run.commit_last = commit_;
  run.edit_count_hint = lines.size();
  for (const Deletion& deletion : deletions) {
    run.range_deletions.push_back(
        {as_bytes(deletion.begin), as_bytes(deletion.end), deletion.commit});
  }
  LineCursor cursor(std::move(lines));
  run.edits = &cursor;
  return engine.absorb(run, retention);
}

const Line* Oracle::live(const std::string& key, uint64_t view) const {
  const auto versions = versions_.find(key);
  if (versions == versions_.end()) return nullptr;
  const auto newest = versions->second.lower_bound(view);
  if (newest == versions->second.end() || newest->second.kind == EditKind::kDelete) return nullptr;
  for (const Deletion& deletion : deletions_) {
    const bool covers = Bounds{deletion.begin, deletion.end}.has(key);
    if (covers && deletion.commit <= view && deletion.commit > newest->first) return nullptr;
  }
  return &newest->second;
}

std::vector<Line> Oracle::scan(const Bounds& bounds, uint64_t view) const {
  std::vector<Line> lines;
  for (const auto& [key, versions] : versions_) {
    if (!bounds.has(key)) continue;
    if (const Line* const line = live(key, view)) lines.push_back(*line);
  }
  return lines;
}

std::vector<Line> Oracle::versions(const Bounds& bounds, uint64_t from, uint64_t to) const {
  std::vector<Line> lines;
  for (const auto& [key, versions] : versions_) {
    if (!bounds.has(key)) continue;
    for (const auto& [commit, line] : versions) {
      if (commit > from && commit <= to) lines.push_back(line);
    }
  }
  return lines;
}

std::vector<Deletion> Oracle::range_deletions(const Bounds& bounds, uint64_t from,
                                              uint64_t to) const {
  std::vector<Deletion> found;
  for (const Deletion& deletion : deletions_) {
    if (deletion.commit > from && deletion.commit <= to) found.push_back(deletion);
  }
  return joined(std::move(found), bounds);
}

bool Oracle::wrote(const Line& line) const {
  const auto versions = versions_.find(line.key);
  if (versions == versions_.end()) return false;
  const auto found = versions->second.find(line.commit);
  return found != versions->second.end() && found->second == line;
}

std::vector<std::string> Oracle::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, versions] : versions_) keys.push_back(key);
  return keys;
}

void LineCursor::next() {
  ++at_;
  show();
}

void LineCursor::show() {
  std::fill(key_.begin(), key_.end(), '?');
  std::fill(value_.begin(), value_.end(), '?');
  if (at_ >= lines_.size()) return;
  const Line& line = lines_[at_];
  key_ = line.key;
  value_ = line.value;
  edit_ = {as_bytes(key_), line.commit, line.kind, line.flags, line.expires_ms, as_bytes(value_)};
}

Line line_of(const EngineVersion& version, const Edit& edit) {
  const Result<uint64_t> size = version.value_bytes(edit);
  std::string value(size ? *size : 0, '\0');
  const MutableBytes into(reinterpret_cast<uint8_t*>(value.data()), value.size());
  const Status read = size ? version.read_value(edit, into) : size.error();
  if (!read) value = read.message();
  const uint8_t flags = static_cast<uint8_t>(edit.flags & ~kFlagSeparateValue);
  return {std::string(as_text(edit.key)), edit.commit, edit.kind, flags, edit.expires_ms, value};
}

std::vector<Line> drain(const EngineVersion& version, EditCursor& cursor) {
  std::vector<Line> lines;
  for (; cursor.valid(); cursor.next()) lines.push_back(line_of(version, cursor.edit()));
  return lines;
}

std::vector<Deletion> joined(std::vector<Deletion> deletions, const Bounds& bounds) {
  for (Deletion& deletion : deletions) {
    deletion.begin = std::max(deletion.begin, bounds.begin);
    if (ends_before(bounds.end, deletion.end)) deletion.end = bounds.end;
  }
  std::erase_if(deletions, [](const Deletion& deletion) {
    return !deletion.end.empty() && deletion.end <= deletion.begin;
  });
  std::sort(deletions.begin(), deletions.end(), [](const Deletion& a, const Deletion& b) {
    return a.commit != b.commit ? a.commit < b.commit : a.begin < b.begin;
  });
  std::vector<Deletion> whole;
  for (Deletion& deletion : deletions) {
    const bool meets = !whole.empty() && whole.back().commit == deletion.commit &&
                       (whole.back().end.empty() || whole.back().end >= deletion.begin);
    if (!meets) {
      whole.push_back(std::move(deletion));
    } else if (ends_before(whole.back().end, deletion.end)) {
      whole.back().end = deletion.end;
    }
  }
  return whole;
}

}  // namespace varve::test
