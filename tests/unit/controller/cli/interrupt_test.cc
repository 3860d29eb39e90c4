#include "controller/cli/interrupt.h"

#include <csignal>
#include <future>

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

// In a process of its own: signals and their mask belong to all threads.
TEST(SignalWatcherDeathTest, RequestsAtTheFirstSignalAndExitsAtTheSecond) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        if (!sys::BlockTerminationSignals().ok()) std::_Exit(1);
        Interrupt interrupt;
        const auto watcher = SignalWatcher::Start(interrupt);
        std::promise<void> called;
        const std::stop_callback callback(interrupt.token(), [&] { called.set_value(); });
        ::kill(::getpid(), SIGTERM);
        called.get_future().wait();
        ::kill(::getpid(), SIGINT);
        std::promise<void>().get_future().wait();
      },
      ::testing::ExitedWithCode(128 + SIGINT), "");
}

TEST(SignalWatcher, StopsWithoutASignal) {
  Interrupt interrupt;
  EXPECT_THAT(SignalWatcher::Start(interrupt), tests::IsOk());
  EXPECT_FALSE(interrupt.requested());
}

}  // namespace
}  // namespace tcpfleet::controller
