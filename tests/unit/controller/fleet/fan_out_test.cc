#include "controller/fleet/fan_out.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace tcpfleet::controller {
namespace {

TEST(FanOut, StartsEveryIndexOnceInOrder) {
  std::vector<size_t> started;
  FanOut(5, 2, [&](size_t index, const Done& done) {
    started.push_back(index);
    done();
  });
  EXPECT_EQ(started, (std::vector<size_t>{0, 1, 2, 3, 4}));
}

TEST(FanOut, KeepsTheBoundAndWaitsForAll) {
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::atomic<int> finished = 0;
  std::vector<std::thread> threads;
  FanOut(50, 4, [&](size_t, Done done) {
    most = std::max(most.load(), ++running);
    threads.emplace_back([&, done = std::move(done)] {
      --running;
      ++finished;
      done();
    });
  });
  EXPECT_EQ(finished, 50);
  EXPECT_LE(most, 4);
  for (std::thread& thread : threads) thread.join();
}

TEST(FanOut, StartsNothingMoreAfterAStop) {
  std::stop_source stop;
  int started = 0;
  FanOut(
      5, 1,
      [&](size_t, const Done& done) {
        if (++started == 2) stop.request_stop();
        done();
      },
      stop.get_token());
  EXPECT_EQ(started, 2);
}

}  // namespace
}  // namespace tcpfleet::controller
