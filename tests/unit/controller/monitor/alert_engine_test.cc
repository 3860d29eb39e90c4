#include "controller/monitor/alert_engine.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/monitor/time_proto.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/fleet/fakes.h"

namespace tcpfleet::controller {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::IsOk;
using tests::StatusIs;
using Level = AlertLevel;

RuleJudgement Fine(const std::string& host = "web1") {
  return {
      .host = host, .network_namespace = "", .rule = "connections", .unknown = "", .symptoms = {}};
}

RuleJudgement Unknown(const std::string& why, const std::string& host = "web1") {
  RuleJudgement judgement = Fine(host);
  judgement.unknown = why;
  return judgement;
}

RuleJudgement Broken(Level level, Level held, const std::string& host = "web1",
                     const std::string& subject = "") {
  RuleJudgement judgement = Fine(host);
  Symptom& symptom = judgement.symptoms.emplace_back();
  symptom.subject = subject;
  symptom.level = level;
  symptom.held = held;
  symptom.title = "too many connections";
  symptom.value = static_cast<double>(level) * 100;
  return judgement;
}

std::vector<std::string> Events(const std::vector<v1::AlertNotification>& notifications) {
  std::vector<std::string> events;
  for (const auto& notification : notifications) events.push_back(notification.event());
  return events;
}

class AlertEngineTest : public testing::Test {
 protected:
  AlertEngine::Options Options() {
    return {.timing = [this](const std::string&) { return timing_; },
            .notify_interval = notify_interval_};
  }
  AlertEngine& engine() {
    if (!engine_) engine_ = std::make_unique<AlertEngine>(Options(), clock_);
    return *engine_;
  }
  // What is told when `judgement` is all there is, `later` after the round before.
  std::vector<v1::AlertNotification> Round(absl::Duration later,
                                           const std::vector<RuleJudgement>& judgements) {
    engine();
    clock_.now_ns += absl::ToInt64Nanoseconds(later);
    return engine().Evaluate(judgements, {});
  }
  v1::Alert Only() {
    const std::vector<v1::Alert> alerts = engine().alerts();
    EXPECT_EQ(alerts.size(), 1u);
    return alerts.empty() ? v1::Alert() : alerts.front();
  }

  FakeClock clock_;
  AlertTiming timing_{.hold = absl::Seconds(30), .clear = absl::Minutes(2)};
  absl::Duration notify_interval_ = absl::ZeroDuration();
  std::unique_ptr<AlertEngine> engine_;
};

const absl::Duration kTen = absl::Seconds(10);

TEST_F(AlertEngineTest, FiresAfterItsTimeAndResolvesAfterItsTime) {
  EXPECT_THAT(Round(kTen, {Broken(Level::kWarn, Level::kWarn)}), IsEmpty());
  EXPECT_EQ(Only().state(), "pending");
  EXPECT_THAT(Round(kTen, {Broken(Level::kWarn, Level::kWarn)}), IsEmpty());
  EXPECT_THAT(Events(Round(2 * kTen, {Broken(Level::kWarn, Level::kWarn)})), ElementsAre("fired"));
  EXPECT_EQ(Only().state(), "firing");
  EXPECT_EQ(Only().count(), 3u);
  EXPECT_EQ(ToTime(Only().fired_at()) - ToTime(Only().since()), 3 * kTen);

  EXPECT_THAT(Round(kTen, {Fine()}), IsEmpty());
  EXPECT_THAT(Round(absl::Seconds(119), {Fine()}), IsEmpty());
  EXPECT_EQ(Only().state(), "firing");
  EXPECT_THAT(Events(Round(absl::Seconds(1), {Fine()})), ElementsAre("resolved"));
  EXPECT_EQ(Only().state(), "resolved");
  EXPECT_EQ(Only().severity(), "warn");
}

TEST_F(AlertEngineTest, ForgetsWhatWasLeftBeforeItFired) {
  Round(kTen, {Broken(Level::kWarn, Level::kWarn)});
  Round(kTen, {Broken(Level::kNone, Level::kWarn)});
  EXPECT_THAT(engine().alerts(), IsEmpty());
  Round(kTen, {Broken(Level::kWarn, Level::kWarn)});
  EXPECT_THAT(Round(2 * kTen, {Broken(Level::kWarn, Level::kWarn)}), IsEmpty());
}

TEST_F(AlertEngineTest, BetweenItsThresholdsNeitherFiresNorResolves) {
  EXPECT_THAT(Round(kTen, {Broken(Level::kNone, Level::kWarn)}), IsEmpty());
  EXPECT_THAT(engine().alerts(), IsEmpty());
  Round(kTen, {Broken(Level::kWarn, Level::kWarn)});
  Round(3 * kTen, {Broken(Level::kWarn, Level::kWarn)});
  Round(kTen, {Fine()});
  Round(absl::Seconds(100), {Broken(Level::kNone, Level::kWarn)});
  EXPECT_THAT(Round(absl::Seconds(100), {Fine()}), IsEmpty());
  EXPECT_EQ(Only().state(), "firing");
}

TEST_F(AlertEngineTest, GetsWorseAtOnceAndBetterAfterItsTime) {
  timing_.hold = absl::ZeroDuration();
  EXPECT_THAT(Events(Round(kTen, {Broken(Level::kInfo, Level::kInfo)})), ElementsAre("fired"));
  const auto worse = Round(kTen, {Broken(Level::kCrit, Level::kCrit)});
  ASSERT_THAT(Events(worse), ElementsAre("worse"));
  EXPECT_EQ(worse[0].previous_severity(), "info");
  EXPECT_EQ(worse[0].alert().severity(), "crit");
  Round(kTen, {Broken(Level::kInfo, Level::kWarn)});
  Round(absl::Seconds(60), {Fine()});
  const auto better = Round(absl::Seconds(60), {Fine()});
  ASSERT_THAT(Events(better), ElementsAre("better"));
  // What it was at most while it was less than crit.
  EXPECT_EQ(Only().severity(), "warn");
  Round(kTen, {Fine()});
  EXPECT_THAT(Events(Round(absl::Seconds(120), {Fine()})), ElementsAre("resolved"));
}

TEST_F(AlertEngineTest, UnknownNeitherFiresNorResolvesAndDoesNotCount) {
  Round(kTen, {Broken(Level::kWarn, Level::kWarn)});
  EXPECT_THAT(Round(absl::Hours(1), {Unknown("counter reset")}), IsEmpty());
  EXPECT_EQ(Only().unknown_why(), "counter reset");
  EXPECT_EQ(Only().state(), "pending");
  // 3600 s had passed before; the hour after is not known.
  timing_.hold = absl::Hours(2);
  EXPECT_THAT(Round(absl::Hours(1), {Broken(Level::kWarn, Level::kWarn)}), IsEmpty());
  EXPECT_FALSE(Only().has_unknown_since());
  EXPECT_THAT(Events(Round(absl::Hours(1), {Broken(Level::kWarn, Level::kWarn)})),
              ElementsAre("fired"));
  Round(kTen, {Fine()});
  Round(absl::Seconds(60), {Unknown("no answer")});
  EXPECT_THAT(Round(absl::Hours(9), {Unknown("still none")}), ElementsAre(testing::_));  // reminder
  EXPECT_THAT(Round(absl::Seconds(59), {Fine()}), IsEmpty());
  EXPECT_EQ(Only().state(), "firing");
  EXPECT_THAT(Events(Round(absl::Seconds(60), {Fine()})), ElementsAre("resolved"));
}

TEST_F(AlertEngineTest, WhatIsNotJudgedIsUnknownForTheFailureOfItsHost) {
  timing_.hold = absl::ZeroDuration();
  Round(kTen, {Broken(Level::kWarn, Level::kWarn), Broken(Level::kWarn, Level::kWarn, "web2")});
  v1::AgentFailure failure;
  failure.set_name("web1");
  failure.set_cause("connection refused");
  EXPECT_THAT(engine().Evaluate({}, {failure}), IsEmpty());
  const std::vector<v1::Alert> alerts = engine().alerts();
  ASSERT_EQ(alerts.size(), 2u);
  EXPECT_EQ(alerts[0].unknown_why(), "connection refused");
  EXPECT_EQ(alerts[1].unknown_why(), "not judged");
  EXPECT_EQ(alerts[1].state(), "firing");
}

TEST_F(AlertEngineTest, WhatAnIncompleteJudgementDoesNotNameIsUnknown) {
  timing_ = {.hold = absl::ZeroDuration(), .clear = absl::ZeroDuration()};
  RuleJudgement two = Broken(Level::kWarn, Level::kWarn, "web1", ":80");
  two.symptoms.push_back(two.symptoms[0]);
  two.symptoms[1].subject = ":443";
  Round(kTen, {two});
  RuleJudgement incomplete = Broken(Level::kWarn, Level::kWarn, "web1", ":80");
  incomplete.unknown = "listeners were left out";
  EXPECT_THAT(Round(kTen, {incomplete}), IsEmpty());
  const std::vector<v1::Alert> alerts = engine().alerts();
  ASSERT_EQ(alerts.size(), 2u);
  EXPECT_EQ(alerts[0].subject(), ":443");
  EXPECT_TRUE(alerts[0].has_unknown_since());
  EXPECT_FALSE(alerts[1].has_unknown_since());
}

TEST_F(AlertEngineTest, RemindsAndSaysHowOftenItKeptQuiet) {
  notify_interval_ = absl::Minutes(10);
  timing_ = {.hold = absl::ZeroDuration(), .clear = absl::ZeroDuration()};
  EXPECT_THAT(Events(Round(kTen, {Broken(Level::kWarn, Level::kWarn)})), ElementsAre("fired"));
  EXPECT_THAT(Round(kTen, {Fine()}), IsEmpty());
  EXPECT_THAT(Round(kTen, {Broken(Level::kWarn, Level::kWarn)}), IsEmpty());
  EXPECT_EQ(Only().kept_back(), 2u);
  const auto reminder = Round(absl::Hours(4), {Broken(Level::kWarn, Level::kWarn)});
  ASSERT_THAT(Events(reminder), ElementsAre("reminder"));
  EXPECT_EQ(reminder[0].alert().kept_back(), 2u);
  EXPECT_EQ(Only().kept_back(), 0u);
}

TEST_F(AlertEngineTest, TellsAtOnceThatItIsWorseThanEverTold) {
  notify_interval_ = absl::Minutes(10);
  timing_ = {.hold = absl::ZeroDuration(), .clear = absl::ZeroDuration()};
  std::vector<std::string> told;
  for (int second = 0; second < 3600; ++second) {
    const Level level = second % 2 == 0 ? Level::kWarn : Level::kCrit;
    for (const auto& event : Events(Round(absl::Seconds(1), {Broken(level, level)}))) {
      told.push_back(event);
    }
  }
  // Once only in the hour.
  EXPECT_EQ(told.size(), 7u) << testing::PrintToString(told);
  EXPECT_EQ(told[0], "fired");
  EXPECT_EQ(told[1], "worse");
}

// Periods of 1 to 60 s, whatever the times to fire and to clear.
TEST_F(AlertEngineTest, FlappingIsToldAtMostOncePerTenMinutes) {
  constexpr int kSeconds = 1'300;
  notify_interval_ = absl::Minutes(10);
  for (const int64_t seconds : {0, 20}) {
    timing_ = {.hold = absl::Seconds(seconds), .clear = absl::Seconds(seconds)};
    for (int period = 1; period <= 60; period += seconds == 0 ? 1 : 7) {
      engine_ = std::make_unique<AlertEngine>(Options(), clock_);
      std::vector<int> told;
      for (int half_second = 0; half_second < 2 * kSeconds; ++half_second) {
        const bool is_broken = half_second % (2 * period) < period;
        const auto notifications = Round(absl::Milliseconds(500),
                                         {is_broken ? Broken(Level::kWarn, Level::kWarn) : Fine()});
        for (size_t i = 0; i < notifications.size(); ++i) told.push_back(half_second / 2);
      }
      EXPECT_LE(told.size(), 3u) << "period " << period;
      for (size_t i = 1; i < told.size(); ++i) {
        EXPECT_GE(told[i] - told[i - 1], 600) << "period " << period;
      }
      if (period > 2 * seconds) {
        EXPECT_GE(told.size(), 1u) << "period " << period;
      }
    }
  }
}

// A day of four hosts that break, fail and recover at random, every 10 s.
class RandomDay {
 public:
  std::vector<RuleJudgement> Next() {
    std::vector<RuleJudgement> judgements;
    for (int host = 0; host < 4; ++host) {
      const std::string name = "web" + std::to_string(host);
      if (random_() % 40 == 0) mood_[host] = static_cast<int>(random_() % 5);
      if (mood_[host] == 4) {
        if (random_() % 2 == 0) judgements.push_back(Unknown("no answer", name));
        continue;
      }
      if (mood_[host] == 0) {
        judgements.push_back(Fine(name));
        continue;
      }
      const auto level = static_cast<Level>(random_() % 10 == 0 ? 0 : mood_[host]);
      judgements.push_back(
          Broken(level, std::max(level, Level::kInfo), name, random_() % 8 == 0 ? ":80" : ":443"));
    }
    return judgements;
  }

 private:
  std::mt19937 random_{7};
  int mood_[4] = {};
};

TEST_F(AlertEngineTest, ADayHasOneAlertPerKeyAndTellsEachChangeOnce) {
  notify_interval_ = absl::Minutes(10);
  RandomDay day;
  std::map<std::string, std::string> told;  // severity by key
  size_t notifications = 0;
  for (int round = 0; round < 24 * 360; ++round) {
    for (const v1::AlertNotification& notification : Round(kTen, day.Next())) {
      const v1::Alert& alert = notification.alert();
      std::string& severity = told[alert.host() + "/" + alert.subject()];
      EXPECT_EQ(notification.previous_severity(), severity);
      if (notification.event() != "reminder") {
        EXPECT_NE(alert.notified_severity(), severity) << notification.event();
      }
      severity = alert.notified_severity();
      ++notifications;
    }
    if (round % 200 != 0) continue;
    std::set<std::string> keys;
    for (const v1::Alert& alert : engine().alerts()) {
      if (alert.state() == "resolved") continue;
      EXPECT_TRUE(keys.insert(alert.host() + "/" + alert.subject()).second);
      EXPECT_LE(alert.changes_size(), kMostAlertChanges);
    }
  }
  EXPECT_GT(notifications, 100u);
  // 8 keys, one per 10 minutes, and once more for each level above the first.
  EXPECT_LE(notifications, 8u * 24 * 6 * 3);
  EXPECT_LE(engine().alerts().size(), 8 + kMostResolved);
}

TEST_F(AlertEngineTest, RestartLosesAndRepeatsNothing) {
  notify_interval_ = absl::Minutes(10);
  RandomDay day;
  std::map<std::string, std::string> told;
  std::mt19937 random(3);
  for (int round = 0; round < 1'500; ++round) {
    for (const v1::AlertNotification& notification : Round(kTen, day.Next())) {
      std::string& severity =
          told[notification.alert().host() + "/" + notification.alert().subject()];
      EXPECT_EQ(notification.previous_severity(), severity);
      severity = notification.alert().notified_severity();
    }
    if (random() % 40 != 0) continue;
    const v1::MonitorState before = engine().Save();
    std::string json;
    ASSERT_TRUE(google::protobuf::util::MessageToJsonString(before, &json).ok());
    v1::MonitorState saved;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, &saved).ok());
    engine_ = std::make_unique<AlertEngine>(Options(), clock_);
    ASSERT_THAT(engine().Restore(saved), IsOk());
    // All the same but that nothing is known until the next round.
    const v1::MonitorState after = engine().Save();
    ASSERT_EQ(after.alerts_size(), before.alerts_size());
    std::map<std::string, int> counts;
    const auto count = [&](const v1::MonitorState& state, int by) {
      for (const v1::Alert& alert : state.alerts()) {
        counts[alert.host() + alert.subject() + alert.state() + std::to_string(alert.count())] +=
            by;
      }
    };
    count(before, 1);
    count(after, -1);
    for (const auto& [key, difference] : counts) EXPECT_EQ(difference, 0) << key;
  }
}

TEST_F(AlertEngineTest, AnOutageOfTheMonitorDoesNotCount) {
  Round(kTen, {Broken(Level::kWarn, Level::kWarn)});
  Round(2 * kTen, {Broken(Level::kWarn, Level::kWarn)});
  v1::MonitorState state = engine().Save();
  *state.mutable_time() = ToTimestamp(ToTime(state.time()) - absl::Hours(1));
  for (v1::Alert& alert : *state.mutable_alerts()) {
    *alert.mutable_since() = ToTimestamp(ToTime(alert.since()) - absl::Hours(1));
  }
  engine_ = std::make_unique<AlertEngine>(Options(), clock_);
  ASSERT_THAT(engine().Restore(state), IsOk());
  EXPECT_EQ(Only().unknown_why(), "the monitor was not running");
  EXPECT_THAT(Round(absl::ZeroDuration(), {Broken(Level::kWarn, Level::kWarn)}), IsEmpty());
  EXPECT_THAT(Events(Round(kTen, {Broken(Level::kWarn, Level::kWarn)})), ElementsAre("fired"));
}

TEST_F(AlertEngineTest, RefusesAStateThatIsNone) {
  timing_.hold = absl::ZeroDuration();
  Round(kTen, {Broken(Level::kWarn, Level::kWarn)});
  const v1::MonitorState good = engine().Save();
  engine_ = nullptr;
  const auto refuses = [&](const v1::MonitorState& state, const std::string& why) {
    EXPECT_THAT(engine().Restore(state),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
    EXPECT_THAT(engine().alerts(), IsEmpty());
  };
  refuses(v1::MonitorState(), "format 0");
  v1::MonitorState bad = good;
  bad.mutable_alerts(0)->set_severity("dire");
  refuses(bad, "connections on web1");
  bad = good;
  bad.mutable_alerts(0)->clear_since();
  refuses(bad, "connections on web1");
  bad = good;
  *bad.add_alerts() = good.alerts(0);
  refuses(bad, "two alerts");
  bad = good;
  for (size_t i = 0; i < kMostAlerts + kMostResolved; ++i) *bad.add_alerts() = v1::Alert();
  refuses(bad, "11001 alerts");
  // Of a clock that was ahead.
  bad = good;
  bad.mutable_time()->set_seconds(int64_t{1} << 62);
  bad.mutable_alerts(0)->mutable_notified_at()->set_seconds(int64_t{1} << 62);
  ASSERT_THAT(engine().Restore(bad), IsOk());
  EXPECT_EQ(ToTime(Only().notified_at()), clock_.Now() + absl::ZeroDuration());
}

TEST_F(AlertEngineTest, TakesSoManyAlertsAndCountsTheRest) {
  timing_.hold = absl::ZeroDuration();
  RuleJudgement many = Fine();
  for (size_t i = 0; i < kMostAlerts + 5; ++i) {
    many.symptoms.push_back(Broken(Level::kWarn, Level::kWarn, "", std::to_string(i)).symptoms[0]);
  }
  EXPECT_EQ(Round(kTen, {many}).size(), kMostAlerts);
  EXPECT_EQ(engine().dropped(), 5u);
}

}  // namespace
}  // namespace tcpfleet::controller
