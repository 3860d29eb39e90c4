#include "common/base/task_thread.h"

#include <gtest/gtest.h>

#include <vector>

namespace tcpfleet::base {
namespace {

TEST(TaskThread, RunsTasksInOrderOnOneThreadBeforeItEnds) {
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  {
    TaskThread tasks;
    for (int i = 0; i < 100; ++i) {
      tasks.Post([&, i] {
        order.push_back(i);
        threads.push_back(std::this_thread::get_id());
      });
    }
  }
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
  for (const std::thread::id id : threads) EXPECT_EQ(id, threads[0]);
  EXPECT_NE(threads[0], std::this_thread::get_id());
}

TEST(TaskThread, CountsWhatHasNotBegun) {
  Mutex begun;
  begun.Lock();
  TaskThread tasks;
  tasks.Post([&] { MutexLock lock(begun); });
  tasks.Post([] {});
  tasks.Post([] {});
  EXPECT_GE(tasks.waiting(), 2u);
  begun.Unlock();
}

TEST(TaskThread, TakesTasksFromTasks) {
  int runs = 0;
  {
    TaskThread tasks;
    tasks.Post([&] { tasks.Post([&] { ++runs; }); });
  }
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace tcpfleet::base
