#include "controller/monitor/alertmanager.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <string>

#include "controller/monitor/time_proto.h"

namespace tcpfleet::controller {
namespace {

using google::protobuf::ListValue;

const absl::Time kFired = absl::FromUnixSeconds(1'700'000'000);
const absl::Time kExpires = kFired + absl::Minutes(4);

ListValue Posted(absl::Span<const v1::Alert> told,
                 absl::Span<const v1::AlertNotification> notifications) {
  ListValue list;
  const std::string json =
      AlertmanagerJson(told, notifications, {{"team", "net"}, {"host", "x"}}, kExpires);
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &list).ok()) << json;
  return list;
}

std::string TextAt(const ListValue& list, int i, const std::string& group,
                   const std::string& name) {
  const auto& fields = list.values(i).struct_value().fields();
  if (name.empty()) return fields.at(group).string_value();
  const auto& inner = fields.at(group).struct_value().fields();
  return inner.count(name) == 0 ? "" : inner.at(name).string_value();
}

v1::Alert Firing(const std::string& severity) {
  v1::Alert alert;
  alert.set_host("web1");
  alert.set_rule("port_use");
  alert.set_subject("198.18.0.1 to 198.18.0.2:443");
  alert.set_severity(severity);
  alert.set_notified_severity(severity);
  alert.set_title("ephemeral ports run out");
  alert.set_value(0.75);
  *alert.mutable_fired_at() = ToTimestamp(kFired);
  return alert;
}

TEST(AlertmanagerJson, HasLabelsAnnotationsAndTimes) {
  const ListValue list = Posted({Firing("warn")}, {});
  ASSERT_EQ(list.values_size(), 1);
  EXPECT_EQ(TextAt(list, 0, "labels", "alertname"), "port_use");
  EXPECT_EQ(TextAt(list, 0, "labels", "host"), "web1");
  EXPECT_EQ(TextAt(list, 0, "labels", "severity"), "warn");
  EXPECT_EQ(TextAt(list, 0, "labels", "subject"), "198.18.0.1 to 198.18.0.2:443");
  EXPECT_EQ(TextAt(list, 0, "labels", "team"), "net");
  EXPECT_EQ(list.values(0).struct_value().fields().at("labels").struct_value().fields().count(
                "network_namespace"),
            0u);
  EXPECT_EQ(TextAt(list, 0, "annotations", "summary"), "ephemeral ports run out");
  EXPECT_EQ(TextAt(list, 0, "annotations", "value"), "75 %");
  EXPECT_EQ(TextAt(list, 0, "startsAt", ""), "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(TextAt(list, 0, "endsAt", ""), "2023-11-14T22:17:20.000Z");
}

TEST(AlertmanagerJson, EndsWhatItReplaces) {
  v1::AlertNotification worse;
  *worse.mutable_time() = ToTimestamp(kFired + absl::Minutes(1));
  worse.set_previous_severity("warn");
  *worse.mutable_alert() = Firing("crit");
  v1::AlertNotification resolved = worse;
  resolved.set_previous_severity("crit");
  resolved.mutable_alert()->clear_notified_severity();
  const ListValue list = Posted({}, {worse, resolved});
  ASSERT_EQ(list.values_size(), 3);
  EXPECT_EQ(TextAt(list, 0, "labels", "severity"), "warn");
  EXPECT_EQ(TextAt(list, 0, "endsAt", ""), "2023-11-14T22:14:20.000Z");
  EXPECT_EQ(TextAt(list, 1, "labels", "severity"), "crit");
  EXPECT_EQ(TextAt(list, 1, "endsAt", ""), "2023-11-14T22:17:20.000Z");
  EXPECT_EQ(TextAt(list, 2, "labels", "severity"), "crit");
  EXPECT_EQ(TextAt(list, 2, "endsAt", ""), "2023-11-14T22:14:20.000Z");
}

TEST(AlertmanagerJson, SaysSinceWhenNothingIsKnown) {
  v1::Alert alert = Firing("warn");
  *alert.mutable_unknown_since() = ToTimestamp(kFired);
  alert.set_unknown_why("connection refused");
  EXPECT_EQ(TextAt(Posted({alert}, {}), 0, "annotations", "unknown"),
            "nothing is known since 2023-11-14T22:13:20.000Z: connection refused");
}

TEST(AlertmanagerJson, SurvivesWhatHostsSay) {
  v1::Alert alert = Firing("warn");
  alert.set_subject("\"}]\\ \xff\n\x01");
  alert.set_title(std::string(100'000, '"'));
  const ListValue list = Posted({alert}, {});
  EXPECT_EQ(TextAt(list, 0, "labels", "subject"), "\"}]\\ ???");
}

}  // namespace
}  // namespace tcpfleet::controller
