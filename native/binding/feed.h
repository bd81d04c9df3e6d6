// binding/feed.h — a feed between the thread of its JavaScript and those that poll it.
#pragma once

#include <memory>
#include <mutex>

#include "store/feed.h"

namespace varve {

struct FeedSlot {
  std::mutex mutex;  // Held while it is polled and while it is taken from. Guards the rest.
  std::unique_ptr<Feed> feed;  // Null once it has ended.
  size_t next_edit = 0;        // Of the commit in front, while it takes several batches.
};

// Waits for a poll under way, which ends soon.
void end_feed(FeedSlot& slot);

}  // namespace varve
