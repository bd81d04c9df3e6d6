// binding/work.cc — one asynchronous work: a status computed elsewhere, a promise settled here.
#include "binding/arguments.h"
#include "binding/care.h"

namespace varve {
namespace {

struct Work {
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  Handle* handle = nullptr;
  std::function<Status()> run;
  std::function<napi_value(napi_env)> answer;
  Status status;
};

void execute(napi_env, void* data) {
  Work* const work = static_cast<Work*>(data);
  work->status = work->run();
}

void complete(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Work> work(static_cast<Work*>(data));
  if (work->handle != nullptr) --work->handle->working;
  if (work->status) {
    napi_resolve_deferred(env, work->deferred, work->answer ? work->answer(env) : make_int(env, 0));
  } else {
    napi_reject_deferred(env, work->deferred, make_error(env, work->status));
  }
  napi_delete_async_work(env, work->work);
}

}  // namespace

napi_value make_error(napi_env env, const Status& status) {
  napi_value error = nullptr;
  napi_create_error(env, nullptr, make_text(env, status.message()), &error);
  napi_set_named_property(env, error, "varveCode",
                          make_int(env, static_cast<int32_t>(status.code())));
  return error;
}

napi_value start_work(napi_env env, Handle* handle, std::function<Status()> run) {
  return start_work(env, handle, std::move(run), nullptr);
}

napi_value start_work(napi_env env, Handle* handle, std::function<Status()> run,
                      std::function<napi_value(napi_env)> answer) {
  auto work = std::make_unique<Work>();
  napi_value promise = nullptr;
  napi_create_promise(env, &work->deferred, &promise);
  if (handle != nullptr && handle->closed) {
    napi_reject_deferred(env, work->deferred,
                         make_error(env, {Code::kClosed, "the store is closed"}));
    return promise;
  }
  work->handle = handle;
  work->run = std::move(run);
  work->answer = std::move(answer);
  if (handle != nullptr) ++handle->working;
  napi_value name = make_text(env, "varve");
  Work* const raw = work.release();
  napi_create_async_work(env, nullptr, name, execute, complete, raw, &raw->work);
  napi_queue_async_work(env, raw->work);
  return promise;
}

}  // namespace varve
