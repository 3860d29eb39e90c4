#include "common/rpc/stream_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace tcpfleet::rpc {
namespace {

using Queue = StreamQueue<std::string>;

StreamStep Push(Queue& queue, std::string message) {
  StreamStep step = StreamStep::kFinish;
  EXPECT_TRUE(queue.Push(std::move(message), step));
  return step;
}

TEST(StreamQueue, WritesTheFirstMessageAtOnceAndTheRestInOrder) {
  Queue queue(4);
  EXPECT_EQ(Push(queue, "a"), StreamStep::kWrite);
  EXPECT_EQ(queue.current(), "a");
  EXPECT_EQ(Push(queue, "b"), StreamStep::kNothing);
  EXPECT_EQ(Push(queue, "c"), StreamStep::kNothing);
  EXPECT_EQ(queue.WriteDone(true), StreamStep::kWrite);
  EXPECT_EQ(queue.current(), "b");
  EXPECT_EQ(queue.WriteDone(true), StreamStep::kWrite);
  EXPECT_EQ(queue.current(), "c");
  EXPECT_EQ(queue.WriteDone(true), StreamStep::kNothing);
  EXPECT_TRUE(queue.idle());
}

TEST(StreamQueue, RefusesMoreThanItsCapacity) {
  Queue queue(1);
  Push(queue, "in flight");
  Push(queue, "waiting");
  StreamStep step;
  EXPECT_FALSE(queue.Push("too many", step));
  EXPECT_EQ(step, StreamStep::kNothing);
}

TEST(StreamQueue, ClosesOnlyAfterEverythingIsWritten) {
  Queue queue(4);
  Push(queue, "a");
  Push(queue, "b");
  EXPECT_EQ(queue.Close(absl::OkStatus()), StreamStep::kNothing);
  EXPECT_EQ(queue.WriteDone(true), StreamStep::kWrite);
  EXPECT_EQ(queue.WriteDone(true), StreamStep::kFinish);
  EXPECT_TRUE(queue.status().ok());
}

TEST(StreamQueue, FinishesOnceWithTheFirstStatus) {
  Queue queue(4);
  EXPECT_EQ(queue.Close(absl::NotFoundError("first")), StreamStep::kFinish);
  EXPECT_EQ(queue.Close(absl::InternalError("second")), StreamStep::kNothing);
  EXPECT_EQ(queue.Abort(absl::InternalError("third")), StreamStep::kNothing);
  EXPECT_EQ(queue.status(), absl::NotFoundError("first"));
}

TEST(StreamQueue, AbortDropsWhatWaitsAndFinishesAfterTheWriteInFlight) {
  Queue queue(4);
  Push(queue, "in flight");
  Push(queue, "dropped");
  EXPECT_EQ(queue.Abort(absl::CancelledError("gone")), StreamStep::kNothing);
  EXPECT_EQ(queue.WriteDone(false), StreamStep::kFinish);
}

TEST(StreamQueue, FailedWriteMeansThePeerIsGone) {
  Queue queue(4);
  Push(queue, "a");
  EXPECT_EQ(queue.WriteDone(false), StreamStep::kFinish);
  EXPECT_TRUE(absl::IsCancelled(queue.status()));
  StreamStep step;
  EXPECT_FALSE(queue.Push("late", step));
}

}  // namespace
}  // namespace tcpfleet::rpc
