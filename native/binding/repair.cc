// binding/repair.cc — stores from outside: exists, destroy, verify, salvage. Each runs on a thread
// of Node's pool and answers by a promise; reports go over as JSON.
#include "binding/repair.h"

#include "binding/care.h"
#include "store/repair.h"

namespace varve {
namespace {

void add_number(std::string& json, const char* name, uint64_t value) {
  if (json.back() != '{') json += ',';
  json += '"' + std::string(name) + "\":" + std::to_string(value);
}

std::string json_of(const VerifyReport& report) {
  std::string json = "{";
  add_number(json, "files", report.file_count);
  add_number(json, "bytes", report.byte_count);
  add_number(json, "tables", report.table_count);
  add_number(json, "entries", report.entry_count);
  add_number(json, "commits", report.commit_count);
  return json + ",\"problems\":" + json_of(report.problems) + '}';
}

std::string json_of(const SalvageReport& report) {
  std::string json = "{";
  add_number(json, "entries", report.entry_count);
  add_number(json, "commits", report.commit_count);
  json += std::string(",\"manifestLost\":") + (report.manifest_lost ? "true" : "false");
  return json + ",\"lost\":" + json_of(report.lost) + '}';
}

struct Paths {
  std::string first, second, holder;
};

// (path, holder) or (path, target, holder)
Paths read_paths(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  size_t count = 3;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  return {read_utf8(env, arguments[0]), count > 2 ? read_utf8(env, arguments[1]) : std::string(),
          read_utf8(env, arguments[count > 2 ? 2 : 1])};
}

// Runs what answers a report, and hands over its JSON.
template <class Report>
napi_value report_work(napi_env env, std::function<Result<Report>()> make) {
  auto json = std::make_shared<std::string>();
  const auto run = [json, make] {
    const Result<Report> report = make();
    if (report) *json = json_of(*report);
    return report.error();
  };
  return start_work(env, nullptr, run, [json](napi_env at) { return make_text(at, *json); });
}

// exists(path, holder) → promise of 1 or 0
napi_value repair_exists(napi_env env, napi_callback_info info) {
  const Paths paths = read_paths(env, info);
  auto found = std::make_shared<bool>(false);
  const auto run = [found, paths] {
    const Result<bool> there = store_exists(native_os(), paths.first);
    if (there) *found = *there;
    return there.error();
  };
  return start_work(env, nullptr, run, [found](napi_env at) { return make_int(at, *found); });
}

napi_value repair_destroy(napi_env env, napi_callback_info info) {
  const Paths paths = read_paths(env, info);
  return start_work(env, nullptr,
                    [paths] { return destroy_store(native_os(), paths.first, paths.holder); });
}

napi_value repair_verify(napi_env env, napi_callback_info info) {
  const Paths paths = read_paths(env, info);
  return report_work<VerifyReport>(
      env, [paths] { return verify_store(native_os(), paths.first, paths.holder); });
}

napi_value repair_salvage(napi_env env, napi_callback_info info) {
  const Paths paths = read_paths(env, info);
  return report_work<SalvageReport>(
      env, [paths] { return salvage_store(native_os(), paths.first, paths.second, paths.holder); });
}

}  // namespace

std::string json_of(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    if (static_cast<uint8_t>(c) < 0x20)
      json += ' ';
    else
      json += c;
  }
  return json + '"';
}

std::string json_of(const std::vector<VerifyProblem>& problems) {
  std::string json = "[";
  for (const VerifyProblem& problem : problems) {
    if (json.back() != '[') json += ',';
    json += "{\"file\":" + json_of(problem.file) + ",\"offset\":" + std::to_string(problem.offset) +
            ",\"message\":" + json_of(problem.what) + '}';
  }
  return json + ']';
}

const std::vector<Method>& repair_methods() {
  static const std::vector<Method>* const all = new std::vector<Method>{
      {"exists", repair_exists},
      {"destroy", repair_destroy},
      {"verify", repair_verify},
      {"salvage", repair_salvage},
  };
  return *all;
}

}  // namespace varve
