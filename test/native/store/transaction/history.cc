#include "history.h"

#include <algorithm>
#include <functional>
#include <optional>

namespace varve::test {
namespace {

using Edges = std::vector<std::vector<size_t>>;

struct Version {
  uint64_t value = 0;
  size_t writer = 0;
};

struct Graph {
  Edges ww, wr, rw;
};

void join(Edges& to, const Edges& from) {
  for (size_t i = 0; i < to.size(); ++i) to[i].insert(to[i].end(), from[i].begin(), from[i].end());
}

// Whether a way leads from one to the other.
bool leads(const Edges& edges, size_t from, size_t to) {
  std::vector<bool> seen(edges.size(), false);
  std::vector<size_t> waiting{from};
  while (!waiting.empty()) {
    const size_t at = waiting.back();
    waiting.pop_back();
    if (at == to) return true;
    if (seen[at]) continue;
    seen[at] = true;
    waiting.insert(waiting.end(), edges[at].begin(), edges[at].end());
  }
  return false;
}

bool has_circle(const Edges& edges) {
  for (size_t i = 0; i < edges.size(); ++i) {
    for (const size_t next : edges[i]) {
      if (leads(edges, next, i)) return true;
    }
  }
  return false;
}

// The versions that were committed, by key, in the order of the commits.
std::map<uint64_t, std::vector<Version>> versions_of(const std::vector<Past>& history) {
  std::vector<size_t> order;
  for (size_t i = 0; i < history.size(); ++i) {
    if (history[i].commit != 0) order.push_back(i);
  }
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return history[a].commit < history[b].commit; });
  std::map<uint64_t, std::vector<Version>> versions;
  for (const size_t writer : order) {
    std::map<uint64_t, uint64_t> last;
    for (const Observed& write : history[writer].writes) last[write.key] = write.value;
    for (const auto& [key, value] : last) versions[key].push_back({value, writer});
  }
  return versions;
}

// The place of a version among those of its key; the first is the absence of all.
std::optional<size_t> place_of(const std::vector<Version>& versions, uint64_t value) {
  if (value == 0) return 0;
  for (size_t i = 0; i < versions.size(); ++i) {
    if (versions[i].value == value) return i + 1;
  }
  return std::nullopt;
}

void add_edge(Edges& edges, size_t from, size_t to) {
  if (from != to) edges[from].push_back(to);
}

}  // namespace

Phenomena phenomena_of(const std::vector<Past>& history) {
  std::map<uint64_t, std::vector<Version>> versions = versions_of(history);
  std::map<uint64_t, bool> was_committed;  // By value.
  for (const Past& past : history) {
    for (const Observed& write : past.writes) was_committed[write.value] = past.commit != 0;
  }
  Phenomena found;
  Graph graph{Edges(history.size()), Edges(history.size()), Edges(history.size())};
  for (const auto& [key, all] : versions) {
    for (size_t i = 1; i < all.size(); ++i) add_edge(graph.ww, all[i - 1].writer, all[i].writer);
  }
  for (size_t reader = 0; reader < history.size(); ++reader) {
    if (history[reader].commit == 0) continue;
    for (const Observed& read : history[reader].reads) {
      const std::vector<Version>& all = versions[read.key];
      const std::optional<size_t> place = place_of(all, read.value);
      if (!place) {
        (was_committed[read.value] ? found.g1b : found.g1a) = true;
        continue;
      }
      if (*place > 0) add_edge(graph.wr, all[*place - 1].writer, reader);
      if (*place < all.size()) add_edge(graph.rw, reader, all[*place].writer);
    }
  }
  found.g0 = has_circle(graph.ww);
  Edges told = graph.ww;
  join(told, graph.wr);
  found.g1c = has_circle(told);
  for (size_t reader = 0; reader < history.size(); ++reader) {
    for (const size_t writer : graph.rw[reader])
      found.g_single = found.g_single || leads(told, writer, reader);
  }
  join(told, graph.rw);
  found.g2 = has_circle(told);
  return found;
}

}  // namespace varve::test
