#include "engine/compare.h"

#include <algorithm>

namespace varve::test {

namespace {

std::string shown(const std::string& text) {
  std::string to = "'";
  for (const char c : text.substr(0, 24)) {
    if (c >= ' ' && c <= '~') {
      to += c;
    } else {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const auto byte = static_cast<uint8_t>(c);
      to = to + '\\' + kDigits[byte >> 4] + kDigits[byte & 15];
    }
  }
  return to + (text.size() > 24 ? "…'" : "'");
}

std::string shown(const Line* line) {
  if (line == nullptr) return "nothing";
  return shown(line->key) + "@" + std::to_string(line->commit) +
         (line->kind == EditKind::kPut ? "=" + shown(line->value) : " deleted");
}

std::string shown(const Bounds& bounds) {
  return "[" + shown(bounds.begin) + ", " + (bounds.end.empty() ? "…" : shown(bounds.end)) + ")";
}

std::string shown(const Deletion& deletion) {
  return shown(Bounds{deletion.begin, deletion.end}) + "@" + std::to_string(deletion.commit);
}

Status differs(const std::string& asked, const std::string& got, const std::string& want) {
  return Status::invalid(asked + " gave " + got + ", not " + want);
}

Status same_lines(const std::string& asked, const std::vector<Line>& got,
                  const std::vector<Line>& want) {
  for (size_t i = 0; i < std::max(got.size(), want.size()); ++i) {
    const Line* const ours = i < got.size() ? &got[i] : nullptr;
    const Line* const theirs = i < want.size() ? &want[i] : nullptr;
    if (ours != nullptr && theirs != nullptr && *ours == *theirs) continue;
    return differs(asked + " at " + std::to_string(i), shown(ours), shown(theirs));
  }
  return Status::ok();
}

constexpr size_t kStepsPerSeek = 4;
constexpr size_t kSeeksPerView = 48;

// The first lines of a scan from a target on.
std::vector<Line> from_target(const std::vector<Line>& lines, const std::string& target,
                              bool forward) {
  const auto begin = std::find_if(lines.begin(), lines.end(), [&](const Line& line) {
    return forward ? line.key >= target : line.key <= target;
  });
  return {begin, begin + std::min<ptrdiff_t>(kStepsPerSeek, lines.end() - begin)};
}

bool by_begin_end_commit(const RangeDeletion& a, const RangeDeletion& b) {
  const int begin = compare(a.begin, b.begin);
  if (begin != 0) return begin < 0;
  if (a.end.empty() != b.end.empty()) return b.end.empty();
  const int end = compare(a.end, b.end);
  return end != 0 ? end < 0 : a.commit < b.commit;
}

}  // namespace

Promise::Promise(const Retention& retention, uint64_t absorbed)
    : horizon_(std::min(retention.horizon, absorbed)) {
  for (const uint64_t held : retention.held) {
    if (held < horizon_) views_.push_back(held);
  }
  for (uint64_t view = horizon_; view <= absorbed; ++view) views_.push_back(view);
}

Status Compare::get(const std::string& key, uint64_t view, bool may_block) const {
  Lookup answer;
  const std::string asked = "get " + shown(key) + " at " + std::to_string(view);
  Status status = version_.get(as_bytes(key), subject_.hash(key), view, may_block, answer);
  if (!status) return differs(asked, std::string(status.message()), "an answer");
  if (answer.found == Found::kWouldBlock) {
    return may_block ? differs(asked, "would block", "an answer") : Status::ok();
  }
  return same_answer(asked, key, view, answer);
}

Status Compare::same_answer(const std::string& asked, const std::string& key, uint64_t view,
                            const Lookup& answer) const {
  const Line* const want = oracle_.live(key, std::min(view, version_.absorbed()));
  const bool any = answer.found == Found::kPut;
  const Line got = any ? line_of(version_, answer.edit) : Line{};
  const bool alike = any == (want != nullptr) && (!any || got == *want);
  return alike ? Status::ok() : differs(asked, shown(any ? &got : nullptr), shown(want));
}

Status Compare::gets(uint64_t view) const {
  std::vector<std::string> keys;
  for (const std::string& key : oracle_.keys()) {
    keys.push_back(key);
    keys.push_back(key + '\0');
  }
  if (Status status = gets_of(keys, view); !status) return status;
  for (const std::string& key : keys) {
    if (Status status = get(key, view); !status) return status;
  }
  return Status::ok();
}

Status Compare::gets_of(const std::vector<std::string>& keys, uint64_t view) const {
  std::vector<PointQuery> queries;
  for (const std::string& key : keys) queries.push_back({as_bytes(key), subject_.hash(key), {}});
  if (Status status = version_.get_many(queries, view); !status) return status;
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::string asked = "get_many " + shown(keys[i]) + " at " + std::to_string(view);
    if (Status status = same_answer(asked, keys[i], view, queries[i].answer); !status) {
      return status;
    }
  }
  return Status::ok();
}

Status Compare::scan(const Bounds& bounds, uint64_t view, Direction direction) const {
  const bool forward = direction == Direction::kForward;
  const std::string asked = std::string(forward ? "scan " : "reverse scan ") + shown(bounds) +
                            " at " + std::to_string(view);
  std::vector<Line> want = oracle_.scan(bounds, std::min(view, version_.absorbed()));
  if (!forward) std::reverse(want.begin(), want.end());
  const auto cursor = version_.scan(bounds.range(), view, direction);
  if (Status status = same_lines(asked, drain(version_, *cursor), want); !status) return status;
  return cursor->status();
}

// By take_values() wherever it has some, so many at a time.
Status Compare::values(const Bounds& bounds, uint64_t view, size_t room) const {
  std::vector<Bytes> values(room);
  std::vector<Line> got;
  const auto cursor = version_.scan(bounds.range(), view, Direction::kForward);
  for (; cursor->valid(); cursor->next()) {
    const size_t count = cursor->take_values({}, values);
    const Line last = line_of(version_, cursor->edit());
    for (size_t i = 0; i + 1 < count; ++i)
      got.push_back({.value = std::string(as_text(values[i]))});
    if (count > 0 && last.value != as_text(values[count - 1])) {
      return differs("the last of the values", shown(std::string(as_text(values[count - 1]))),
                     shown(&last));
    }
    got.push_back(last);
  }
  std::vector<Line> want = oracle_.scan(bounds, std::min(view, version_.absorbed()));
  for (size_t i = 0; i < std::min(got.size(), want.size()); ++i) {
    if (got[i].commit == 0) want[i] = {.value = want[i].value};
  }
  const std::string asked = "values of " + shown(bounds) + " at " + std::to_string(view);
  if (Status status = same_lines(asked, got, want); !status) return status;
  return cursor->status();
}

Status Compare::scans(const Bounds& bounds, uint64_t view) const {
  if (Status status = scan(bounds, view, Direction::kForward); !status) return status;
  for (const size_t room : {2, 5, 64}) {
    if (Status status = values(bounds, view, room); !status) return status;
  }
  return scan(bounds, view, Direction::kReverse);
}

Status Compare::seeks(const Bounds& bounds, uint64_t view, Direction direction,
                      const std::vector<std::string>& targets) const {
  const bool forward = direction == Direction::kForward;
  std::vector<Line> lines = oracle_.scan(bounds, std::min(view, version_.absorbed()));
  if (!forward) std::reverse(lines.begin(), lines.end());
  const auto cursor = version_.scan(bounds.range(), view, direction);
  for (const std::string& target : targets) {
    cursor->seek(as_bytes(target));
    const std::string asked = std::string(forward ? "seek " : "reverse seek ") + shown(target) +
                              " in " + shown(bounds) + " at " + std::to_string(view);
    // Some steps, and the next seek begins from there.
    const std::vector<Line> want = from_target(lines, target, forward);
    std::vector<Line> got;
    for (; cursor->valid() && got.size() < want.size(); cursor->next()) {
      got.push_back(line_of(version_, cursor->edit()));
    }
    if (want.size() < kStepsPerSeek && cursor->valid())
      got.push_back(line_of(version_, cursor->edit()));
    if (Status status = same_lines(asked, got, want); !status) return status;
    if (!cursor->status()) return cursor->status();
  }
  return Status::ok();
}

Status Compare::versions(const Bounds& bounds, uint64_t from, uint64_t to) const {
  const std::string asked =
      "versions " + shown(bounds) + " from " + std::to_string(from) + " to " + std::to_string(to);
  const uint64_t last = std::min(to, version_.absorbed());
  const std::vector<Line> lines = oracle_.versions(bounds, from, last);
  const auto walk = [&](const std::string& how, EditCursor& cursor) {
    Status status = same_lines(asked + how, drain(version_, cursor), lines);
    return status ? cursor.status() : std::move(status);
  };
  if (Status status = walk("", *version_.versions(bounds.range(), from, to)); !status) {
    return status;
  }
  if (Status status = walk(" once", *version_.versions_once(bounds.range(), from, to)); !status) {
    return status;
  }
  const std::vector<RangeDeletion> given = version_.range_deletions(bounds.range(), from, to);
  if (!std::is_sorted(given.begin(), given.end(), by_begin_end_commit)) {
    return Status::invalid(asked + ": range deletions out of order");
  }
  std::vector<Deletion> got;
  for (const RangeDeletion& one : given) {
    got.push_back({std::string(as_text(one.begin)), std::string(as_text(one.end)), one.commit});
  }
  got = joined(std::move(got), bounds);
  const std::vector<Deletion> want = oracle_.range_deletions(bounds, from, last);
  for (size_t i = 0; i < std::max(got.size(), want.size()); ++i) {
    if (i < got.size() && i < want.size() && got[i] == want[i]) continue;
    return differs(asked, i < got.size() ? shown(got[i]) : "no more range deletions",
                   i < want.size() ? shown(want[i]) : "no more range deletions");
  }
  return Status::ok();
}

Status Compare::nothing_invented() const {
  const auto cursor = version_.versions({}, 0, UINT64_MAX);
  const std::vector<Line> lines = drain(version_, *cursor);
  if (!cursor->status()) return cursor->status();
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!oracle_.wrote(lines[i])) return Status::invalid("invented " + shown(&lines[i]));
    if (i == 0) continue;
    const bool ordered = lines[i - 1].key < lines[i].key || (lines[i - 1].key == lines[i].key &&
                                                             lines[i - 1].commit > lines[i].commit);
    if (!ordered) return Status::invalid("out of order: " + shown(&lines[i]));
  }
  return Status::ok();
}

Status Compare::view(uint64_t view) const {
  if (Status status = gets(view); !status) return status;
  if (Status status = scans({}, view); !status) return status;
  const std::vector<std::string> keys = oracle_.keys();
  std::vector<std::string> targets;
  for (size_t i = 0; i < keys.size(); i += 1 + keys.size() / kSeeksPerView) {
    targets.push_back(keys[i]);
  }
  if (Status status = seeks({}, view, Direction::kForward, targets); !status) return status;
  return seeks({}, view, Direction::kReverse, targets);
}

Status Compare::everything(const Promise& promise) const {
  for (const uint64_t one : promise.views()) {
    if (Status status = view(one); !status) return status;
  }
  if (Status status = view(UINT64_MAX); !status) return status;
  if (Status status = versions({}, promise.horizon(), UINT64_MAX); !status) return status;
  return nothing_invented();
}

Status verified(Engine& engine) {
  std::vector<VerifyProblem> problems;
  if (Status status = engine.verify(problems); !status) return status;
  if (problems.empty()) return Status::ok();
  return Status::corrupt(problems.front().file + ": " + problems.front().what);
}

Status same(const Subject& subject, const Oracle& oracle, const Retention& retention) {
  const Reading reading(subject);
  const EngineVersion& version = subject.engine->version();
  if (version.absorbed() != oracle.absorbed()) {
    return differs("absorbed", std::to_string(version.absorbed()),
                   std::to_string(oracle.absorbed()));
  }
  const Compare compare(subject, version, oracle);
  const Promise promise(retention, oracle.absorbed());
  if (Status status = compare.everything(promise); !status) return status;
  return verified(*subject.engine);
}

}  // namespace varve::test
