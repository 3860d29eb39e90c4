#include "controller/tui/header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/controller/tui/story_table.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kNowNs = 1'795'183'242'000'000'000;  // 14:00:42 UTC

HostView Up(const std::string& name) {
  HostView host;
  host.name = name;
  host.up = true;
  host.last_frame_unix_ns = kNowNs - 400'000'000;
  host.connections = 12;
  return host;
}

HostView Down(const std::string& name, const std::string& cause) {
  HostView host;
  host.name = name;
  host.down_cause = cause;
  return host;
}

Moment Now() { return {.shown_unix_ns = kNowNs, .now_unix_ns = kNowNs}; }

std::string Drawn(const std::vector<HostView>& hosts, const Moment& moment, int width = 120,
                  int height = 50) {
  Canvas canvas(width, height);
  DrawHeader(canvas, hosts, moment, {});
  return canvas.Text();
}

TEST(ModeText, SaysWhereInTimeTheTableIs) {
  Moment moment = Now();
  EXPECT_THAT(ModeText(moment), testing::StartsWith("LIVE "));
  moment.mode = Moment::Mode::kFrozen;
  moment.newest_unix_ns = kNowNs + 62'000'000'000;
  EXPECT_THAT(ModeText(moment), HasSubstr("(back 01:02)"));
  moment.mode = Moment::Mode::kReplay;
  moment.speed = 2;
  EXPECT_THAT(ModeText(moment), HasSubstr("REPLAY 2x"));
  moment.speed = 0.5;
  EXPECT_THAT(ModeText(moment), HasSubstr("REPLAY 0.5x"));
  moment.speed = std::numeric_limits<double>::infinity();
  EXPECT_THAT(ModeText(moment), HasSubstr("REPLAY max"));
}

TEST(DrawHeader, ShowsEveryHostWhereThereIsRoom) {
  const std::string text =
      Drawn({Up("web1"), Down("web2", "unreachable: connection refused")}, Now());
  EXPECT_THAT(text, HasSubstr("1 host up  1 down  12 connections"));
  EXPECT_THAT(text, HasSubstr("web1 up"));
  EXPECT_THAT(text, HasSubstr("frame 400ms"));
  EXPECT_THAT(text, HasSubstr("web2 DOWN unreachable: connection refused"));
}

TEST(DrawHeader, FoldsManyHosts) {
  std::vector<HostView> hosts;
  for (int i = 1; i <= 40; ++i) hosts.push_back(Up("web" + std::to_string(i)));
  hosts.push_back(Down("db1", "silent: no answer within 5 s"));
  Canvas canvas(80, 24);
  const int lines = DrawHeader(canvas, hosts, Now(), {});
  EXPECT_LE(lines, 8);
  EXPECT_THAT(canvas.Text(), HasSubstr("up web[1-40] (40)"));
  EXPECT_THAT(canvas.Text(), HasSubstr("DOWN db1: silent: no answer within 5 s"));
}

TEST(DrawHeader, SaysThatAHostHasNotAnsweredYet) {
  EXPECT_THAT(Drawn({Down("web1", "")}, Now()), HasSubstr("web1 DOWN no answer yet"));
}

TEST(DrawHeader, ShowsTheQueryAndHowMuchItLeaves) {
  Canvas canvas(100, 30);
  DrawHeader(canvas, {Up("web1")}, Now(),
             {.watched = "sport = :443",
              .filter = "rtt > 1ms",
              .order = "rtt ▼",
              .group_by = "host,peer",
              .matched = 3,
              .all = 12});
  EXPECT_THAT(canvas.Text(), HasSubstr("watching: sport = :443"));
  EXPECT_THAT(canvas.Text(), HasSubstr("filter: rtt > 1ms (3 of 12)"));
  EXPECT_THAT(canvas.Text(), HasSubstr("group: host,peer"));
}

TEST(DrawHeader, ShowsTroubleAndRecording) {
  Moment moment = Now();
  moment.trouble = "NOT RECORDING: no space left on device";
  EXPECT_THAT(Drawn({Up("web1")}, moment), HasSubstr("NOT RECORDING: no space left on device"));
}

TEST(DrawHeader, NeverWritesBeyondANarrowScreen) {
  Canvas canvas(40, 10);
  const int lines = DrawHeader(canvas, {Up("web1"), Up("web2"), Up("web3")}, Now(), {});
  EXPECT_LE(lines, 6);
  EXPECT_THAT(canvas.Text(), HasSubstr("LIVE"));
}

TEST(MissingPhrases, NameEverythingThatIsNotSeen) {
  HostView host = Up("web1");
  host.missed_polls = 2;
  host.completeness.set_dropped(3);
  host.completeness.set_torn(4);
  host.completeness.set_unattributed(5);
  host.completeness.set_gap(true);
  EXPECT_THAT(
      MissingPhrases({host}),
      ElementsAre("3 rows over the limit", "4 unreadable records", "gap in the last poll of web1",
                  "2 polls merged into later ones", "5 of unknown process"));
}

TEST(MissingPhrases, SayNothingWhenNothingIs) {
  EXPECT_THAT(MissingPhrases({Up("web1")}), IsEmpty());
}

TEST(DrawHosts, TellsWhatEachHostIs) {
  HostView host = Up("web1");
  host.address = "10.0.0.1:7117";
  host.description.set_kernel("6.1.0");
  v1::Collector& collector = *host.description.add_collectors();
  collector.set_name("sockets");
  collector.set_detail("no marks without CAP_NET_ADMIN");
  Canvas canvas(160, 20);
  DrawHosts(canvas, 0, 20, {host}, Now(), 0);
  EXPECT_THAT(canvas.Text(), HasSubstr("10.0.0.1:7117, Linux 6.1.0"));
  EXPECT_THAT(canvas.Text(), HasSubstr("sockets: no marks without CAP_NET_ADMIN"));
}

}  // namespace
}  // namespace tcpfleet::controller
