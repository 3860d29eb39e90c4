#include "controller/tui/connection_detail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/tui/story_table.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ConnectionDetailTest : public ::testing::Test {
 protected:
  void SetUp() override { Play(story_, 5, table_); }

  RowKey First(const std::string& filter_text) {
    const filter::Filter filter = filter::Filter::Parse(filter_text).value();
    return KeyOf(*SelectRows(table_, {.filter = &filter, .order = {}, .most = 1}).rows.at(0));
  }
  std::string Drawn(ConnectionDetail& detail, int width = 120, int height = 40) {
    Canvas canvas(width, height);
    detail.Draw(canvas, 0, height, table_);
    return canvas.Text();
  }

  tests::FleetStory story_{{}};
  FleetTable table_;
};

TEST_F(ConnectionDetailTest, ShowsBothEndsWhenBothAreInTheFleet) {
  ConnectionDetail detail(First("sport = :5432"));
  const std::string text = Drawn(detail);
  EXPECT_THAT(text, HasSubstr("db1"));
  EXPECT_THAT(text, HasSubstr("Pair"));
  EXPECT_THAT(text, HasSubstr("this end | the other end"));
}

TEST_F(ConnectionDetailTest, SaysThatTheOtherEndIsNotThere) {
  ConnectionDetail detail(First("sport = :443"));
  const std::string text = Drawn(detail);
  EXPECT_THAT(text, HasSubstr("not in this fleet"));
  EXPECT_THAT(text, HasSubstr("nginx"));
  EXPECT_THAT(text, HasSubstr("Not reported by this kernel or sampler:"));
}

TEST_F(ConnectionDetailTest, DrawsItsHistory) {
  ConnectionDetail detail(First("sport = :443"));
  EXPECT_THAT(Drawn(detail), HasSubstr("RTT  max "));
}

TEST_F(ConnectionDetailTest, KeepsTheLastValuesOfWhatHasEnded) {
  // This one comes and goes: 10 s each.
  const RowKey key = First("sport = :443 and dst 198.19.0.6");
  ConnectionDetail detail(key);
  EXPECT_THAT(Drawn(detail), Not(HasSubstr("ENDED")));
  Play(story_, 7, table_);
  ASSERT_EQ(FindRow(table_, key), nullptr);
  const std::string text = Drawn(detail);
  EXPECT_THAT(text, HasSubstr("ENDED"));
  EXPECT_THAT(text, HasSubstr("198.19.0.6"));
}

TEST_F(ConnectionDetailTest, SaysThatAConnectionIsNotThere) {
  ConnectionDetail detail({.host = 0, .cookie = 1});
  EXPECT_THAT(Drawn(detail), HasSubstr("not there at this time"));
}

TEST_F(ConnectionDetailTest, ScrollsToTheLastFieldAndNoFurther) {
  ConnectionDetail detail(First("sport = :443"));
  EXPECT_THAT(Drawn(detail, 80, 16), Not(HasSubstr("opening_seen")));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(detail.OnKey({.code = Key::Code::kDown}));
  const std::string end = Drawn(detail, 80, 16);
  EXPECT_THAT(end, HasSubstr("opening_seen"));
  detail.OnKey({.code = Key::Code::kHome});
  EXPECT_THAT(Drawn(detail, 80, 16), HasSubstr("FIELDS"));
}

TEST_F(ConnectionDetailTest, FitsTheSmallestScreen) {
  ConnectionDetail detail(First("sport = :443"));
  EXPECT_THAT(Drawn(detail, 40, 4), HasSubstr("198.19."));
}

}  // namespace
}  // namespace tcpfleet::controller
