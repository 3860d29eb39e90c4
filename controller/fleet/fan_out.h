#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>

namespace tcpfleet::controller {

// Calls start(index, done) for every index below `count`, on the calling thread, with at most
// `parallel` not yet done, and returns when all are done. `done` may be called from any thread,
// exactly once per start. Once `stop` is requested nothing more is started: what runs is waited
// for.
using Done = std::function<void()>;
void FanOut(size_t count, int parallel, const std::function<void(size_t index, Done done)>& start,
            const std::stop_token& stop = {});

}  // namespace tcpfleet::controller
