#include "layer/collection/run.h"

#include <algorithm>
#include <bit>

#include "layer/collection/entries.h"
#include "layer/collection/keys.h"

namespace varve::collection {
namespace {

constexpr size_t kBatchMax = 64;     // Documents that are looked up at once.
constexpr size_t kGatheredMax = 65536;  // Rows that are brought in order at once.

Status corrupt(const Definition& definition, const char* what) {
  return Status::corrupt(definition.name + ": " + what);
}

}  // namespace

Run::Run(std::shared_ptr<const Definition> definition, Request request, Plan plan,
         uint64_t kept_bytes_max)
    : definition_(std::move(definition)),
      request_(std::move(request)),
      plan_(std::move(plan)),
      kept_bytes_max_(kept_bytes_max),
      document_prefix_(prefix_of(kDocuments, definition_->id)),
      offset_left_(request_.offset),
      limit_left_(request_.limit),
      sorted_(request_.limit, request_.offset),
      document_(definition_->schema_set) {
  if (request_.after) begin_behind();
  const bool is_empty = plan_.way == Way::kRows ? request_.rows->count() == 0 : plan_.spans.empty();
  if (!plan_.narrowings.empty()) phase_ = Phase::kNarrow;
  if (limit_left_ == 0 || is_empty) phase_ = Phase::kDone;
}

// The plan has been made for this position.
void Run::begin_behind() {
  if (request_.after->is_sorted) {
    after_ = request_.after->key;
    return;
  }
  if (plan_.way == Way::kRows) return begin_behind_row(as_bytes(request_.after->key));
  place_ = plan_.way == Way::kDocuments ? document_prefix_ : prefix_of(kEntries, plan_.index->id);
  place_ += request_.after->key;
  std::vector<KeySpan> left;
  for (KeySpan& span : plan_.spans) {
    narrow(span);
    if (span.begin < span.end) left.push_back(std::move(span));
  }
  plan_.spans = std::move(left);
  place_.clear();
}

std::string Run::position() const {
  Position position;
  position.is_sorted = !plan_.is_ordered;
  position.index = plan_.index == nullptr ? 0 : plan_.index->id;
  position.key = plan_.is_ordered ? last_place_ : sorted_[given_ - 1].sort_key;
  return position.write();
}

void Run::narrow(KeySpan& span) const {
  if (place_.empty()) return;
  if (plan_.direction == Direction::kForward)
    span.begin = std::max(span.begin, place_ + '\0');
  else
    span.end = std::min(span.end, place_);
}

std::string Run::explained() const {
  std::string json = explain(plan_, *definition_, request_);
  if (!has_read_) return json;
  json.pop_back();
  return json + ",\"read\":{\"entries\":" + std::to_string(entries_read_) +
         ",\"documents\":" + std::to_string(documents_read_) +
         ",\"matches\":" + std::to_string(taken_) + "}}";
}

Status Run::go_on(const Reads& reads, uint64_t look_max, const Take& take,
                  const TakeMany& take_many) {
  look_left_ = look_max;
  is_full_ = false;
  has_read_ = true;
  while (phase_ <= Phase::kWalk && !is_full_ && look_left_ > 0) {
    if (Status status = walk_some(reads, take, take_many); !status) return status;
  }
  if (phase_ == Phase::kGive && !is_full_) return give(reads, take);
  return Status::ok();
}

Status Run::walk_some(const Reads& reads, const Take& take, const TakeMany& take_many) {
  if (phase_ == Phase::kNarrow) return gather_rows(reads);
  return plan_.way == Way::kRows ? walk_rows(reads, take) : walk_span(reads, take, take_many);
}

// ---- narrowing

// A span, or as much of it as may be looked at.
Status Run::gather_rows(const Reads& reads) {
  const std::vector<KeySpan>& spans = plan_.narrowings[narrowing_].spans;
  if (span_ < spans.size()) return gather_span(reads, spans[span_]);
  join_gathered();
  span_ = 0;
  if (++narrowing_ == plan_.narrowings.size()) phase_ = Phase::kWalk;
  if (narrowed_->rows.total() == 0) phase_ = Phase::kDone;
  return Status::ok();
}

Status Run::gather_span(const Reads& reads, const KeySpan& span) {
  const std::string begin = place_.empty() ? span.begin : place_ + '\0';
  const KeyRange range{as_bytes(begin), as_bytes(span.end)};
  const std::unique_ptr<EngineCursor> cursor = reads.scan(range, Direction::kForward);
  for (; cursor->valid() && look_left_ > 0; cursor->next()) {
    --look_left_;
    ++entries_read_;
    const Edit& edit = cursor->edit();
    const Result<Bytes> value = reads.view().value(edit, room_);
    if (!value) return value.error();
    const std::optional<EntryView> entry = read_entry(edit.key, *value);
    if (!entry) return corrupt(*definition_, "an index has an entry that is none");
    gathered_.push_back(entry->row);
    if (gathered_.size() == kGatheredMax) add_gathered();
    if (look_left_ == 0) place_ = as_text(edit.key);
  }
  if (Status status = cursor->status(); !status) return status;
  if (cursor->valid()) return reads.note_range(as_bytes(begin), as_bytes(place_ + '\0'));
  place_.clear();
  ++span_;
  return reads.note_range(range.begin, range.end);
}

// A set of rows takes about a bit of each that there is.
void Run::add_gathered() {
  if (!gathering_) gathering_ = std::make_shared<RowSet>();
  std::sort(gathered_.begin(), gathered_.end());
  gathering_->rows.add_many(std::span<const uint64_t>(gathered_));
  gathered_.clear();
}

void Run::join_gathered() {
  add_gathered();
  if (narrowed_) gathering_->rows.join(SetOp::kAnd, narrowed_->rows);
  narrowed_ = std::move(gathering_);
  gathering_.reset();
}

// ---- walking

Status Run::walk_span(const Reads& reads, const Take& take, const TakeMany& take_many) {
  KeySpan span = plan_.spans[span_];
  narrow(span);
  const KeyRange range{as_bytes(span.begin), as_bytes(span.end)};
  const std::unique_ptr<EngineCursor> cursor = reads.scan(range, plan_.direction);
  Status walked = plan_.way == Way::kDocuments ? walk_documents(*cursor, reads, take, take_many)
                                               : walk_entries(*cursor, reads, take);
  if (!walked) return walked;
  const bool is_over = phase_ == Phase::kWalk && !is_full_ && !cursor->valid();
  if (Status status = note_read(reads, span, is_over); !status) return status;
  if (!is_over) return Status::ok();
  place_.clear();
  if (++span_ < plan_.spans.size()) return Status::ok();
  if (plan_.is_ordered)
    phase_ = Phase::kDone;
  else
    begin_giving();
  return Status::ok();
}

Status Run::note_read(const Reads& reads, const KeySpan& span, bool is_over) const {
  if (is_over) return reads.note_range(as_bytes(span.begin), as_bytes(span.end));
  if (place_.empty()) return Status::ok();
  if (plan_.direction == Direction::kForward)
    return reads.note_range(as_bytes(span.begin), as_bytes(place_ + '\0'));
  return reads.note_range(as_bytes(place_), as_bytes(span.end));
}

// Whether all are taken, in any order, and nobody asks where the walk has been.
bool Run::may_take_many(const TakeMany& take_many) const {
  const bool is_whole = request_.limit == UINT64_MAX && request_.offset == 0;
  return is_whole && plan_.is_ordered && !request_.is_paged && !request_.rank &&
         (request_.is_counted || take_many);
}

// How many were looked at, of which the cursor is at the last; none where it has not so many.
Result<size_t> Run::look_at_many(EngineCursor& cursor, const TakeMany& take_many) {
  Many& many = *many_;
  const std::span<Bytes> room =
      std::span(many.values).first(std::min<uint64_t>(many.values.size(), look_left_));
  const size_t count = cursor.take_values({}, room);
  if (count == 0) return count;
  look_left_ -= count;
  entries_read_ += count;
  documents_read_ += count;
  if (Status status = many.sieve.sift(room.first(count), many.documents); !status) return status;
  taken_ += many.documents.count();
  if (!request_.is_counted) {
    if (Status status = take_many(many.documents); !status) return status;
  }
  done_with(as_text(cursor.edit().key));
  return count;
}

Status Run::walk_documents(EngineCursor& cursor, const Reads& reads, const Take& take,
                           const TakeMany& take_many) {
  const bool takes_many = may_take_many(take_many);
  if (takes_many && !many_) many_.reset(new Many{Sieve(definition_, plan_.rest), {}, {}});
  for (; cursor.valid() && look_left_ > 0 && phase_ == Phase::kWalk; cursor.next()) {
    if (takes_many) {
      const Result<size_t> count = look_at_many(cursor, take_many);
      if (!count) return count.error();
      if (*count > 0) continue;
    }
    --look_left_;
    ++entries_read_;
    ++documents_read_;
    const Edit& edit = cursor.edit();
    const Result<bool> done = look_at(reads, edit.key, edit, take);
    if (!done) return done.error();
    if (!*done) return Status::ok();
    done_with(as_text(edit.key));
  }
  return cursor.status();
}

Status Run::walk_entries(EngineCursor& cursor, const Reads& reads, const Take& take) {
  const bool needs = plan_.needs_documents(request_);
  std::vector<Found> found;
  while (cursor.valid() && look_left_ > 0 && phase_ == Phase::kWalk) {
    if (Status status = gather(reads, cursor, found); !status) return status;
    if (needs) {
      if (Status status = look_up_documents(reads, found); !status) return status;
    }
    for (size_t i = 0; i < found.size() && phase_ == Phase::kWalk; ++i) {
      --look_left_;
      if (!plan_.may_repeat || met_.count(found[i].row) == 0) {
        const Result<bool> done =
            look_at(reads, as_bytes(found[i].document_key), queries_[i].answer.edit, take);
        if (!done) return done.error();
        if (!*done) return Status::ok();
        if (Status status = meet(found[i].row); !status) return status;
      }
      done_with(found[i].place);
    }
  }
  return cursor.status();
}

void Run::done_with(std::string_view place) {
  place_ = place;
  if (request_.is_paged && placed_ != taken_) last_place_ = place;
  placed_ = taken_;
}

// No more than are wanted, as far as that is known.
Status Run::gather(const Reads& reads, EngineCursor& cursor, std::vector<Found>& found) {
  uint64_t count_max = std::min<uint64_t>(kBatchMax, look_left_);
  if (plan_.is_ordered && plan_.rest.is_always() && limit_left_ < kBatchMax) {
    count_max = std::min(count_max, limit_left_ + offset_left_);
  }
  found.clear();
  for (; cursor.valid() && found.size() < std::min(count_max, look_left_); cursor.next()) {
    ++entries_read_;
    const Edit& edit = cursor.edit();
    const Result<Bytes> value = reads.view().value(edit, room_);
    if (!value) return value.error();
    const std::optional<EntryView> entry = read_entry(edit.key, *value);
    if (!entry) return corrupt(*definition_, "an index has an entry that is none");
    if (narrowed_ && !narrowed_->rows.has(entry->row)) {
      if (--look_left_ == 0) done_with(as_text(edit.key));
      continue;
    }
    Found one{std::string(as_text(edit.key)), document_prefix_, entry->row};
    append(one.document_key, entry->document_key);
    found.push_back(std::move(one));
  }
  queries_.resize(std::max(queries_.size(), found.size()));
  return cursor.status();
}

Status Run::look_up_documents(const Reads& reads, const std::vector<Found>& found) {
  documents_read_ += found.size();
  return look_up(reads, found);
}

Status Run::look_up(const Reads& reads, const std::vector<Found>& found) {
  for (size_t i = 0; i < found.size(); ++i) {
    queries_[i].key = as_bytes(found[i].document_key);
    queries_[i].answer = {};
  }
  const std::span<PointQuery> all(queries_.data(), found.size());
  if (Status status = reads.get_many(all); !status) return status;
  const auto is_gone = [](const PointQuery& one) { return one.answer.found != varve::Found::kPut; };
  if (std::none_of(all.begin(), all.end(), is_gone)) return Status::ok();
  return corrupt(*definition_, "an index names a document that is not there");
}

// A document that may be met again is remembered by its row.
Status Run::meet(uint64_t row) {
  if (!plan_.may_repeat) return Status::ok();
  met_.insert(row);
  return check_kept();
}

Result<bool> Run::look_at(const Reads& reads, Bytes key, const Edit& edit, const Take& take) {
  opened_ = nullptr;
  if (plan_.rest.is_always() && plan_.is_ordered) return accept(key, edit, take);
  const Result<Bytes> value = reads.view().value(edit, room_);
  if (!value) return value.error();
  if (Status status = document_.open(*value); !status) return status;
  if (!plan_.rest.matches(document_)) return true;
  opened_ = &document_;
  if (plan_.is_ordered) return accept(key, edit, take);
  if (Status status = keep(document_, key); !status) return status;
  return true;
}

Result<bool> Run::accept(Bytes key, const Edit& edit, const Take& take) {
  if (offset_left_ > 0) {
    --offset_left_;
    return true;
  }
  if (!request_.is_counted && !take(key, edit)) {
    is_full_ = true;
    return false;
  }
  ++taken_;
  if (--limit_left_ == 0) phase_ = Phase::kDone;
  return true;
}

// ---- rows

// A place among rows is the rank, where there is one, and the row.
std::string Run::place_of_row(uint64_t row, size_t ahead) const {
  std::string place = prefix_of(kRows, definition_->id);
  if (request_.rows->is_ranked) append_big64(place, request_.rows->ranked[next_rank_ + ahead].rank);
  append_big64(place, row);
  return place;
}

void Run::begin_behind_row(Bytes place) {  // Of the size that the plan has seen.
  const FoundRows& rows = *request_.rows;
  if (!rows.is_ranked) {
    next_row_ = load_big64(place.data()) + 1;
    return;
  }
  const uint64_t rank = load_big64(place.data());
  const uint64_t row = load_big64(place.data() + 8);
  const auto is_done = [&](const FoundRows::Ranked& one) {
    return one.rank != rank ? one.rank < rank : one.row <= row;
  };
  const auto first = std::partition_point(rows.ranked.begin(), rows.ranked.end(), is_done);
  next_rank_ = static_cast<size_t>(first - rows.ranked.begin());
}

// Documents themselves are not wanted.
void Run::count_rows() {
  const uint64_t all = request_.rows->count();
  const uint64_t left = all - std::min(all, offset_left_);
  taken_ += std::min(left, limit_left_);
  phase_ = Phase::kDone;
}

// Those of the next batch, which are not done with by this.
std::vector<uint64_t> Run::next_rows() {
  const FoundRows& rows = *request_.rows;
  uint64_t count_max = std::min<uint64_t>(kBatchMax, look_left_);
  if (plan_.is_ordered && plan_.rest.is_always() && limit_left_ < kBatchMax) {
    count_max = std::min(count_max, limit_left_ + offset_left_);
  }
  std::vector<uint64_t> batch(count_max);
  if (!rows.is_ranked) {
    batch.resize(rows.set->rows.list_up(next_row_, batch.data(), batch.size()));
    return batch;
  }
  batch.resize(std::min<size_t>(batch.size(), rows.ranked.size() - next_rank_));
  for (size_t i = 0; i < batch.size(); ++i) batch[i] = rows.ranked[next_rank_ + i].row;
  return batch;
}

Status Run::find_keys(const Reads& reads, std::span<const uint64_t> rows,
                      std::vector<Found>& found) {
  found.clear();
  for (size_t i = 0; i < rows.size(); ++i) {
    found.push_back({place_of_row(rows[i], i), row_key(definition_->id, rows[i]), rows[i]});
  }
  queries_.resize(std::max(queries_.size(), found.size()));
  if (Status status = look_up(reads, found); !status) return status;
  for (size_t i = 0; i < found.size(); ++i) {
    const Result<Bytes> key = reads.view().value(queries_[i].answer.edit, room_);
    if (!key) return key.error();
    found[i].document_key = document_prefix_;
    append(found[i].document_key, *key);
  }
  return Status::ok();
}

Status Run::walk_rows(const Reads& reads, const Take& take) {
  if (!plan_.needs_documents(request_)) {
    count_rows();
    return Status::ok();
  }
  const std::vector<uint64_t> rows = next_rows();
  if (rows.empty()) {
    if (plan_.is_ordered)
      phase_ = Phase::kDone;
    else
      begin_giving();
    return Status::ok();
  }
  std::vector<Found> found;
  if (Status status = find_keys(reads, rows, found); !status) return status;
  entries_read_ += found.size();
  if (Status status = look_up_documents(reads, found); !status) return status;
  for (size_t i = 0; i < found.size() && phase_ == Phase::kWalk; ++i) {
    --look_left_;
    const Result<bool> done =
        look_at(reads, as_bytes(found[i].document_key), queries_[i].answer.edit, take);
    if (!done) return done.error();
    if (!*done) return Status::ok();
    done_with(found[i].place);
    next_row_ = rows[i] + 1;
    if (request_.rows->is_ranked) ++next_rank_;
  }
  return Status::ok();
}

// ---- sorting

// Documents found by their rows are in no other order, and a place is one of its own walk.
Result<std::unique_ptr<Run>> Run::in_order(const Reads& reads) const {
  const bool is_bound = plan_.is_ordered || request_.rows || request_.after;
  if (is_bound || request_.order.empty()) return std::unique_ptr<Run>();
  Result<std::optional<Plan>> plan = plan_in_order(reads, *definition_, request_);
  if (!plan) return plan.error();
  if (!*plan) return std::unique_ptr<Run>();
  return std::make_unique<Run>(definition_, request_, std::move(**plan), kept_bytes_max_);
}

Status Run::check_kept() const {
  if (met_.size() * kKeptBytes + sorted_.bytes() <= kept_bytes_max_) return Status::ok();
  return {Code::kTooLarge, definition_->name + ": what has to be sorted takes more than " +
                               std::to_string(kept_bytes_max_) +
                               " bytes; give a limit, or an index in that order"};
}

Status Run::keep(const Document& document, Bytes key) {
  Sorted one;
  if (request_.score) {
    append_big64(one.sort_key, Score::sort_bits(request_.score->of(document).total));
  }
  if (request_.rank) {
    const FilterNode& node = request_.where.node(*request_.rank);
    const std::optional<Place> place = place_of(document.item(node.field));
    const double haversine = place && node.place ? node.place->haversine(*place) : 0;
    append_big64(one.sort_key, std::bit_cast<uint64_t>(haversine + 0.0));
  }
  for (const OrderPart& part : request_.order) {
    const size_t from = one.sort_key.size();
    document.append_key(part.field, one.sort_key);
    for (size_t i = from; part.is_descending && i < one.sort_key.size(); ++i) {
      one.sort_key[i] = static_cast<char>(~one.sort_key[i]);
    }
  }
  const Bytes own = key.subspan(document_prefix_.size());
  one.document_bytes = static_cast<uint32_t>(own.size());
  append(one.sort_key, own);
  if (!after_.empty() && one.sort_key <= after_) return Status::ok();
  sorted_.add(std::move(one));
  return check_kept();
}

void Run::begin_giving() {
  sorted_.sort();
  given_ = std::min<uint64_t>(request_.offset, sorted_.size());
  phase_ = given_ < sorted_.size() ? Phase::kGive : Phase::kDone;
}

Status Run::give(const Reads& reads, const Take& take) {
  std::vector<Found> found;
  opened_ = nullptr;
  while (!is_full_ && phase_ == Phase::kGive) {
    const size_t end = std::min(given_ + kBatchMax, sorted_.size());
    found.clear();
    for (size_t i = given_; i < end; ++i) {
      const Sorted& one = sorted_[i];
      const size_t at = one.sort_key.size() - one.document_bytes;
      found.push_back({{}, document_prefix_ + one.sort_key.substr(at), 0});
    }
    queries_.resize(std::max(queries_.size(), found.size()));
    if (Status status = look_up_documents(reads, found); !status) return status;
    for (size_t i = 0; i < found.size() && phase_ == Phase::kGive; ++i) {
      if (!take(queries_[i].key, queries_[i].answer.edit)) {
        is_full_ = true;
        return Status::ok();
      }
      ++taken_;
      ++given_;
      if (given_ == sorted_.size() || --limit_left_ == 0) phase_ = Phase::kDone;
    }
  }
  return Status::ok();
}

}  // namespace varve::collection
