#include "pure/text/search.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "pure/text/expand.h"

namespace varve {
namespace {

constexpr int kScoreBits = 61;  // Of the largest sum of a query.
// What an expansion counts against the word itself; measured nowhere, only in proportion.
constexpr double kExpansionBoosts[] = {0.5, 0.5, 0.25};

}  // namespace

void TopHits::enter(uint32_t number, uint64_t score) {
  const Hit hit{score, core_.id_of(number), number};
  if (request_.limit == 0 || (is_full_ && !(hit < heap_.front()))) return;
  if (request_.is_filtered && !std::ranges::binary_search(request_.allowed, hit.id)) return;
  if (is_full_) {
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
  }
  heap_.push_back(hit);
  std::push_heap(heap_.begin(), heap_.end());
  is_full_ = heap_.size() >= request_.limit;
  if (is_full_) floor_ = heap_.front().score;
}

void TopHits::take(double scale, std::vector<TextHit>& to) {
  std::sort(heap_.begin(), heap_.end());
  to.clear();
  for (const Hit& hit : heap_) to.push_back({hit.id, static_cast<double>(hit.score) / scale});
  heap_.clear();
}

TextSearch::TextSearch(const TextCore& core, const TextRequest& request)
    : core_(core), top_(core, request), lengths_(core.lengths) {
  const TextOptions& options = core.options;
  const double average = std::max(core.average_length(), 1e-9);
  norm_ = {options.k1 * (1 - options.b), options.k1 * options.b / average};
}

// ---- planning

TermCursor* TextSearch::open(uint32_t term) {
  if (term >= core_.terms.size() || core_.document_count(term) == 0) return nullptr;
  cursors_.push_back(std::make_unique<TermCursor>(core_, term));
  weights_.push_back(0);
  return cursors_.back().get();
}

double TextSearch::idf(const TermCursor& cursor) const {
  const double all = core_.live_count;
  const double with = cursor.live_count();
  return std::log1p((all - with + 0.5) / (with + 0.5));
}

Plan TextSearch::plan_term(uint32_t term, double boost) {
  Plan made;
  made.cursor = open(term);
  if (made.cursor == nullptr) return made;
  made.kind = Plan::Kind::kTerm;
  weights_.back() = idf(*made.cursor) * (core_.options.k1 + 1) * boost;
  weight_sum_ += weights_.back();
  return made;
}

Plan TextSearch::plan_word(const QueryNode& node, double boost) {
  const std::string& term = node.words[0].term;
  if (!node.is_prefix && node.edits == 0) return plan_term(core_.find_term(term), boost);
  Plan all;
  all.kind = Plan::Kind::kAny;
  const size_t room = kQueryTermsMax - std::min<size_t>(cursors_.size(), kQueryTermsMax);
  const size_t limit = std::min<size_t>(room, kExpansionsMax);
  for (const Expansion& one : expand(core_, term, node.is_prefix, node.edits, limit)) {
    const double factor = one.is_word ? 1 : kExpansionBoosts[std::min(one.edits, 2u)];
    Plan child = plan_term(one.term, boost * factor);
    if (child.kind != Plan::Kind::kNothing) all.children.push_back(std::move(child));
  }
  if (all.children.empty()) return {};
  return all.children.size() == 1 ? std::move(all.children[0]) : std::move(all);
}

Plan TextSearch::plan_phrase(const QueryNode& node, double boost) {
  Plan made;
  made.kind = Plan::Kind::kPhrase;
  for (const QueryWord& word : node.words) {
    TermCursor* const cursor = open(core_.find_term(word.term));
    if (cursor == nullptr) return {};
    made.cursors.push_back(cursor);
    made.offsets.push_back(word.offset - node.words[0].offset);
    made.weight += idf(*cursor) * (core_.options.k1 + 1) * boost;
  }
  weight_sum_ += made.weight;
  return made;
}

Plan TextSearch::plan_group(const QueryNode& node, double boost) {
  Plan all;
  Plan any;
  bool is_possible = true;
  for (const QueryNode& child : node.children) {
    Plan made = plan(child, boost);
    const bool is_nothing = made.kind == Plan::Kind::kNothing;
    if (child.occur == QueryNode::Occur::kMust) {
      is_possible = is_possible && !is_nothing;
      all.children.push_back(std::move(made));
    } else if (is_nothing) {
      continue;
    } else if (child.occur == QueryNode::Occur::kMustNot) {
      all.excluded.push_back(std::move(made));
    } else if (made.kind == Plan::Kind::kAny) {
      std::ranges::move(made.children, std::back_inserter(any.children));
    } else {
      any.children.push_back(std::move(made));
    }
  }
  if (!is_possible) return {};
  any.kind = Plan::Kind::kAny;
  if (any.children.size() == 1) {
    Plan only = std::move(any.children[0]);
    any = std::move(only);
  }
  const bool has_any = any.kind != Plan::Kind::kAny || !any.children.empty();
  if (all.children.empty()) {
    if (!has_any || all.excluded.empty()) return has_any ? std::move(any) : Plan();
    all.children.push_back(std::move(any));
  } else if (has_any) {
    all.optional.push_back(std::move(any));
  }
  all.kind = Plan::Kind::kAll;
  if (all.children.size() == 1 && all.optional.empty() && all.excluded.empty()) {
    Plan only = std::move(all.children[0]);
    return only;
  }
  return all;
}

Plan TextSearch::plan(const QueryNode& node, double boost) {
  switch (node.kind) {
    case QueryNode::Kind::kWord: return plan_word(node, boost * node.boost);
    case QueryNode::Kind::kPhrase: return plan_phrase(node, boost * node.boost);
    case QueryNode::Kind::kGroup: return plan_group(node, boost * node.boost);
    case QueryNode::Kind::kNothing: break;
  }
  return {};
}

// Phrases carry their weight themselves.
void TextSearch::weigh(Plan& plan) {
  plan.weight *= scale_;
  for (std::vector<Plan>* const part : {&plan.children, &plan.optional, &plan.excluded}) {
    for (Plan& child : *part) weigh(child);
  }
}

bool TextSearch::are_terms(const std::vector<Plan>& plans) {
  return std::ranges::all_of(plans, [](const Plan& one) { return one.kind == Plan::Kind::kTerm; });
}

void TextSearch::run(const QueryNode& query, std::vector<TextHit>& to) {
  to.clear();
  Plan made = plan(query, 1);
  if (made.kind == Plan::Kind::kNothing || weight_sum_ <= 0) return;
  int exponent = 0;
  std::frexp(weight_sum_, &exponent);
  scale_ = std::ldexp(1, kScoreBits - exponent);
  weigh(made);
  for (size_t index = 0; index < cursors_.size(); ++index) {
    cursors_[index]->weigh(weights_[index] * scale_, norm_);
  }
  const bool is_plain = made.optional.empty() && made.excluded.empty();
  if (made.kind == Plan::Kind::kTerm) {
    best_of_term(*made.cursor);
  } else if (made.kind == Plan::Kind::kAny && are_terms(made.children)) {
    best_of_any(made.children);
  } else if (made.kind == Plan::Kind::kAll && is_plain && are_terms(made.children)) {
    best_of_all(made.children);
  } else {
    made.is_all = true;
    walk(made);
  }
  top_.take(scale_, to);
}

// ---- one term

void TextSearch::score_group(TermCursor& cursor) {
  const std::span<const uint32_t> documents = cursor.load();
  const std::span<const uint32_t> frequencies = cursor.frequencies();
  for (size_t index = 0; index < documents.size(); ++index) {
    const uint32_t length = lengths_.at(documents[index]);
    const uint64_t points =
        varve::score(cursor.weight(), norm_, frequencies[index], length & ~kDeadBit);
    top_.offer(documents[index], length, points);
  }
}

void TextSearch::best_of_term(TermCursor& cursor) {
  if (cursor.has_recent()) {
    cursor.go_to_recent();
    score_group(cursor);
  }
  struct Candidate {
    uint64_t most;
    size_t page;
    bool operator<(const Candidate& other) const {
      return most != other.most ? most < other.most : page > other.page;
    }
  };
  std::vector<Candidate> pages(cursor.page_count());
  for (size_t page = 0; page < pages.size(); ++page) pages[page] = {cursor.page_most(page), page};
  std::make_heap(pages.begin(), pages.end());
  for (; !pages.empty(); pages.pop_back()) {
    std::pop_heap(pages.begin(), pages.end());
    const auto [most, page] = pages.back();
    if (!top_.can_enter(most, cursor.page_first(page))) return;
    cursor.go_to_page(page);
    do {
      if (top_.can_enter(cursor.group_most(), cursor.page_first(page))) score_group(cursor);
    } while (cursor.next_in_page());
  }
}

// ---- any of several

// Lists below this one cannot lift a document among the hits, all together.
size_t TextSearch::first_needed(const std::vector<uint64_t>& sums, uint32_t begin) const {
  size_t needed = 0;
  while (needed < sums.size() && !top_.can_enter(sums[needed], begin)) ++needed;
  return needed;
}

void TextSearch::best_of_any(std::vector<Plan>& terms) {
  std::vector<TermCursor*> lists;
  for (const Plan& one : terms) lists.push_back(one.cursor);
  std::ranges::stable_sort(lists, {}, [](const TermCursor* list) { return list->most(); });
  std::vector<uint64_t> sums;  // The most of a list and all before it.
  for (const TermCursor* const list : lists) {
    sums.push_back(list->most() + (sums.empty() ? 0 : sums.back()));
  }
  sums_.assign(kWindow, 0);
  touched_.assign(kWindow / 64, 0);
  for (uint32_t begin = 1; begin != kNoDocument;) {
    const size_t needed = first_needed(sums, begin);
    if (needed == lists.size()) return;
    begin = needed + 1 == lists.size() ? best_of_group(lists, sums, begin)
                                       : best_of_window(lists, needed, sums, begin);
  }
}

// The document has so many points of other lists; these may add to it, the strongest first.
void TextSearch::finish(std::span<TermCursor*> others, const std::vector<uint64_t>& sums,
                        uint32_t document, uint64_t score) {
  const uint32_t length = lengths_.at(document);
  for (size_t left = others.size(); left > 0; --left) {
    if (!top_.can_enter(score + sums[left - 1], document)) return;
    TermCursor& list = *others[left - 1];
    if (list.advance(document) == document) score += list.score(length & ~kDeadBit);
  }
  top_.offer(document, length, score);
}

// The most that these lists score together for any document of a stretch.
uint64_t TextSearch::near_most(std::span<TermCursor*> lists, uint32_t begin, uint32_t end) {
  uint64_t most = 0;
  for (TermCursor* const list : lists) most += list->enter(begin) ? list->most_until(end) : 0;
  return most;
}

// The last list alone is needed: its next group, and where to go on.
uint32_t TextSearch::best_of_group(std::span<TermCursor*> lists, const std::vector<uint64_t>& sums,
                                   uint32_t begin) {
  const std::span<TermCursor*> others = lists.first(lists.size() - 1);
  TermCursor& list = *lists.back();
  uint64_t rest = 0;
  while (list.enter(begin)) {
    rest = others.empty() ? 0 : sums[others.size() - 1];
    if (top_.can_enter(list.group_most() + rest, begin)) {
      rest = near_most(others, begin, list.group_last() + 1);
      if (top_.can_enter(list.group_most() + rest, begin)) break;
    }
    begin = list.group_last() + 1;
  }
  if (list.group_last() == kNoDocument) return kNoDocument;
  const std::span<const uint32_t> documents = list.load();
  const std::span<const uint32_t> frequencies = list.frequencies();
  for (size_t index = 0; index < documents.size(); ++index) {
    const uint32_t document = documents[index];
    if (document < begin) continue;
    const uint32_t length = lengths_.at(document) & ~kDeadBit;
    const uint64_t points = varve::score(list.weight(), norm_, frequencies[index], length);
    if (top_.can_enter(points + rest, document)) finish(others, sums, document, points);
  }
  return list.group_last() + 1;
}

void TextSearch::add_up(TermCursor& cursor, uint32_t begin, uint32_t end) {
  uint32_t document = cursor.advance(begin);
  while (document < end) {
    const std::span<const uint32_t> documents = cursor.rest();
    const std::span<const uint32_t> frequencies = cursor.rest_frequencies();
    for (size_t index = 0; index < documents.size() && documents[index] < end; ++index) {
      document = documents[index];
      const uint32_t length = lengths_.at(document) & ~kDeadBit;
      const uint32_t cell = document - begin;
      sums_[cell] += varve::score(cursor.weight(), norm_, frequencies[index], length);
      touched_[cell / 64] |= uint64_t{1} << cell % 64;
    }
    document = cursor.advance(document + 1);
  }
}

// Several lists are needed: a window of documents from the first that any of them has.
uint32_t TextSearch::best_of_window(std::span<TermCursor*> lists, size_t needed,
                                    const std::vector<uint64_t>& sums, uint32_t begin) {
  uint32_t first = kNoDocument;
  for (TermCursor* const list : lists.subspan(needed)) {
    first = std::min(first, list->advance(begin));
  }
  if (first == kNoDocument) return kNoDocument;
  const uint32_t end = first + kWindow;
  const std::span<TermCursor*> others = lists.first(needed);
  const uint64_t rest = others.empty() ? 0 : sums[needed - 1];
  uint64_t most = rest;
  for (TermCursor* const list : lists.subspan(needed)) most += list->most_until(end);
  if (!top_.can_enter(most, first)) return end;
  for (TermCursor* const list : lists.subspan(needed)) add_up(*list, first, end);
  for (size_t word = 0; word < touched_.size(); ++word) {
    for (uint64_t bits = touched_[word]; bits != 0; bits &= bits - 1) {
      const uint32_t cell = static_cast<uint32_t>(word * 64) + std::countr_zero(bits);
      const uint64_t points = sums_[cell];
      sums_[cell] = 0;
      if (top_.can_enter(points + rest, first + cell)) finish(others, sums, first + cell, points);
    }
    touched_[word] = 0;
  }
  return end;
}

// ---- all of several

void TextSearch::best_of_all(std::vector<Plan>& terms) {
  std::vector<TermCursor*> lists;
  for (const Plan& one : terms) lists.push_back(one.cursor);
  std::ranges::stable_sort(lists, {}, [](const TermCursor* list) { return list->posting_count(); });
  std::vector<uint64_t> rests(lists.size(), 0);  // The most of all lists behind each.
  for (size_t index = lists.size() - 1; index > 0; --index) {
    rests[index - 1] = rests[index] + lists[index]->most();
  }
  for (uint32_t begin = 1; begin != kNoDocument;) begin = best_of_all_group(lists, rests, begin);
}

// The next group of the rarest list that may hold a hit, and where to go on.
uint32_t TextSearch::best_of_all_group(std::span<TermCursor*> lists,
                                       const std::vector<uint64_t>& rests, uint32_t begin) {
  TermCursor& lead = *lists[0];
  uint64_t rest = 0;
  while (lead.enter(begin)) {
    if (top_.can_enter(lead.group_most() + rests[0], begin)) {
      rest = near_most(lists.subspan(1), begin, lead.group_last() + 1);
      if (top_.can_enter(lead.group_most() + rest, begin)) break;
    }
    begin = lead.group_last() + 1;
  }
  if (lead.group_last() == kNoDocument) return kNoDocument;
  const std::span<const uint32_t> documents = lead.load();
  const std::span<const uint32_t> frequencies = lead.frequencies();
  for (size_t index = 0; index < documents.size(); ++index) {
    const uint32_t document = documents[index];
    if (document < begin) continue;
    const uint32_t length = lengths_.at(document);
    uint64_t points = varve::score(lead.weight(), norm_, frequencies[index], length & ~kDeadBit);
    bool is_in = top_.can_enter(points + rest, document);
    for (size_t other = 1; is_in && other < lists.size(); ++other) {
      TermCursor& list = *lists[other];
      if (!list.enter(document)) return kNoDocument;
      is_in = top_.can_enter(points + list.group_most() + rests[other], document);
      if (!is_in) break;
      begin = list.advance(document);  // What comes before this cannot be in all.
      is_in = begin == document;
      if (is_in) points += list.score(length & ~kDeadBit);
    }
    if (is_in) top_.offer(document, length, points);
    if (begin == kNoDocument) return kNoDocument;
  }
  return std::max(begin, lead.group_last() + 1);
}

// ---- anything

uint32_t TextSearch::advance(Plan& plan, uint32_t target) {
  if (plan.document >= target && plan.document != 0) return plan.document;
  switch (plan.kind) {
    case Plan::Kind::kTerm: plan.document = plan.cursor->advance(target); break;
    case Plan::Kind::kPhrase: plan.document = advance_phrase(plan, target); break;
    case Plan::Kind::kAll: plan.document = advance_all(plan, target); break;
    case Plan::Kind::kAny:
      plan.document = kNoDocument;
      for (Plan& child : plan.children) {
        plan.document = std::min(plan.document, advance(child, target));
      }
      break;
    case Plan::Kind::kNothing: plan.document = kNoDocument; break;
  }
  return plan.document;
}

uint32_t TextSearch::advance_all(Plan& plan, uint32_t target) {
  while (target != kNoDocument) {
    uint32_t furthest = target;
    for (Plan& child : plan.children) {
      furthest = advance(child, furthest);
      if (furthest != target) break;
    }
    if (furthest != target) {
      target = furthest;
      continue;
    }
    const bool is_out = std::ranges::any_of(
        plan.excluded, [this, target](Plan& one) { return advance(one, target) == target; });
    if (!is_out) break;
    target += 1;
  }
  return target;
}

uint32_t TextSearch::advance_phrase(Plan& plan, uint32_t target) {
  while (target != kNoDocument) {
    uint32_t furthest = target;
    for (TermCursor* const cursor : plan.cursors) {
      furthest = cursor->advance(furthest);
      if (furthest != target) break;
    }
    if (furthest != target) {
      target = furthest;
      continue;
    }
    plan.frequency = can_win(plan, target) ? count_phrase(plan) : 0;
    if (plan.frequency > 0) break;
    target += 1;
  }
  return target;
}

// A phrase that is all that was asked need not be looked at where it cannot be often enough: no
// more often than its rarest word there.
bool TextSearch::can_win(Plan& plan, uint32_t document) {
  if (!plan.is_all) return true;
  uint32_t often = UINT32_MAX;
  for (TermCursor* const cursor : plan.cursors) often = std::min(often, cursor->frequency());
  const uint32_t length = lengths_.at(document) & ~kDeadBit;
  return top_.can_enter(varve::score(plan.weight, norm_, often, length), document);
}

// How often the words stand there in their order.
uint32_t TextSearch::count_phrase(Plan& plan) {
  const size_t count = plan.cursors.size();
  if (positions_.size() < count) positions_.resize(count);
  for (size_t index = 0; index < count; ++index) plan.cursors[index]->positions(positions_[index]);
  std::vector<uint32_t>& begins = positions_[0];
  for (size_t index = 1; index < count; ++index) {
    const std::vector<uint32_t>& others = positions_[index];
    const uint32_t offset = plan.offsets[index];
    size_t at = 0;
    size_t kept = 0;
    for (const uint32_t begin : begins) {
      while (at < others.size() && others[at] < begin + offset) ++at;
      if (at < others.size() && others[at] == begin + offset) begins[kept++] = begin;
    }
    begins.resize(kept);
  }
  return static_cast<uint32_t>(begins.size());
}

uint64_t TextSearch::score(Plan& plan, uint32_t document, uint32_t length) {
  if (plan.kind == Plan::Kind::kTerm) return plan.cursor->score(length);
  if (plan.kind == Plan::Kind::kPhrase) {
    return varve::score(plan.weight, norm_, plan.frequency, length);
  }
  uint64_t points = 0;
  for (std::vector<Plan>* const part : {&plan.children, &plan.optional}) {
    for (Plan& child : *part) {
      if (advance(child, document) == document) points += score(child, document, length);
    }
  }
  return points;
}

void TextSearch::walk(Plan& plan) {
  for (uint32_t at = advance(plan, 1); at != kNoDocument; at = advance(plan, at + 1)) {
    const uint32_t length = lengths_.at(at);
    if ((length & kDeadBit) == 0) top_.offer(at, length, score(plan, at, length));
  }
}

}  // namespace varve
