#include "binding/cold.h"

#include "binding/care.h"
#include "binding/transaction.h"

namespace varve {
namespace {

constexpr uint64_t kLookAgainNs = 1'000'000'000;

Status closed_error() { return {Code::kClosed, "the store is closed"}; }

}  // namespace

ColdGets::ColdGets(Store& store) : store_(store), finished_(native_os().gate()) {}

Result<uint32_t> ColdGets::add(Bytes key, uint64_t commit, uint64_t time_ms) {
  auto get = std::make_shared<Get>();
  get->key.assign(as_text(key));
  get->status = closed_error();
  if (commit == UINT64_MAX) {
    get->commit = store_.hold();
    get->time_ms = store_.now_ms();
  } else {
    if (Status status = store_.hold(commit); !status) return status;
    get->commit = commit;
    get->time_ms = time_ms;
  }
  get->holds = true;
  size_t number = 0;
  while (number < gets_.size() && gets_[number]) ++number;
  if (number == gets_.size()) gets_.emplace_back();
  gets_[number] = std::move(get);
  return static_cast<uint32_t>(number);
}

std::shared_ptr<ColdGets::Get> ColdGets::at(uint32_t number) const {
  return number < gets_.size() ? gets_[number] : nullptr;
}

void ColdGets::take(uint32_t number) { gets_[number].reset(); }

bool ColdGets::begin() {
  const Lock held(mutex_);
  if (!ended_) ++reading_count_;
  return !ended_;
}

void ColdGets::finish() {
  const Lock held(mutex_);
  --reading_count_;
  finished_->open();
}

void ColdGets::run(Get& get) {
  if (!begin()) return;
  get.status = store_.get_apart(as_bytes(get.key), get.commit, get.time_ms, get.found, get.value);
  store_.release(get.commit);
  get.holds = false;
  finish();
}

void ColdGets::end() {
  Lock held(mutex_);
  ended_ = true;
  while (reading_count_ > 0) {
    const uint64_t ticket = finished_->ticket();
    held.unlock();
    finished_->wait(ticket, native_os().now_ns() + kLookAgainNs);
    held.lock();
  }
  for (const auto& get : gets_) {
    if (get && get->holds) store_.release(get->commit);
    if (get) get->holds = false;
  }
}

namespace {

// getCold(key, as_of) → promise of a number for coldValue(), which also says what went wrong; or
// kFailed. For a get that answered kWouldBlock.
napi_value get_cold(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  ReadAs as;
  KeyArgument key;
  Status status = read_as(call, 1, as);
  if (status) status = key.read(call, 0);
  if (!status) return make_answer(env, handle.environment.fail(status));
  const Result<uint32_t> number = handle.cold->add(key.bytes(), as.commit, as.time_ms);
  if (!number) return make_answer(env, handle.environment.fail(number.error()));
  const auto run = [all = handle.cold, get = handle.cold->at(*number)] {
    all->run(*get);
    return Status::ok();
  };
  return start_work(env, nullptr, run,
                    [number = *number](napi_env at) { return make_int(at, number); });
}

// coldValue(number) → as get() does. The number is used up unless the answer is kGrow.
napi_value cold_value(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  const uint32_t number = read_uint32(call, 0);
  const std::shared_ptr<ColdGets::Get> get = handle.cold->at(number);
  if (!get) return make_answer(env, handle.environment.fail(Status::invalid("get: no such get")));
  if (get->status && get->found) {
    bool has_room = true;
    const napi_value made = hand_value(call, as_bytes(get->value), has_room);
    if (has_room) handle.cold->take(number);
    return made;
  }
  handle.cold->take(number);
  if (get->status) return make_answer(env, Answer::kAbsent);
  return make_answer(env, handle.environment.fail(get->status));
}

}  // namespace

const std::vector<Method>& cold_methods() {
  static const std::vector<Method>* const all =
      new std::vector<Method>{{"getCold", get_cold}, {"coldValue", cold_value}};
  return *all;
}

}  // namespace varve
