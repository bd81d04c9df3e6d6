// binding/care.h — work that takes its time: run off the JavaScript thread, answered by a promise.
#pragma once

#include <functional>

#include "binding/environment.h"

namespace varve {

// Runs `work` on a thread of Node's pool. The promise is resolved with 0, or rejected with an Error
// that has `varveCode` (a number of Code) and the message. While it runs, the handle (if given) is
// not closed under it.
napi_value start_work(napi_env env, Handle* handle, std::function<Status()> work);
// The same, and on success the promise gets what `answer` makes on the JavaScript thread.
napi_value start_work(napi_env env, Handle* handle, std::function<Status()> work,
                      std::function<napi_value(napi_env)> answer);
// The error of a status, as JavaScript sees it.
napi_value make_error(napi_env env, const Status& status);
void end_cursors(Handle& handle);

}  // namespace varve
