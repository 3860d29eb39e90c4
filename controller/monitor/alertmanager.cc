#include "controller/monitor/alertmanager.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "controller/cli/text.h"
#include "controller/monitor/threshold.h"
#include "controller/monitor/time_proto.h"

namespace tcpfleet::controller {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Struct;

void Set(Struct& object, const std::string& name, absl::string_view value) {
  if (!value.empty()) (*object.mutable_fields())[name].set_string_value(Printable(value));
}

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

class AlertList {
 public:
  explicit AlertList(const std::map<std::string, std::string>& labels) : labels_(labels) {}

  void Add(const v1::Alert& alert, const std::string& severity, absl::Time ends) {
    Struct& object = *list_.add_values()->mutable_struct_value();
    Struct& labels = *(*object.mutable_fields())["labels"].mutable_struct_value();
    for (const auto& [name, value] : labels_) Set(labels, name, value);
    Set(labels, "alertname", alert.rule());
    Set(labels, "host", alert.host());
    Set(labels, "severity", severity);
    Set(labels, "network_namespace", alert.network_namespace());
    Set(labels, "subject", alert.subject());

    Struct& annotations = *(*object.mutable_fields())["annotations"].mutable_struct_value();
    Set(annotations, "summary", alert.title());
    Set(annotations, "cause", alert.finding().cause());
    if (alert.finding().fixes_size() > 0) Set(annotations, "fix", alert.finding().fixes(0));
    const SeriesDefinition* series = FindSeriesDefinition(alert.rule());
    if (series != nullptr && alert.has_value()) {
      Set(annotations, "value", SeriesValueText(*series, alert.value()));
    } else {
      Set(annotations, "explain", absl::StrCat("tcpfleet explain ", alert.rule()));
    }
    if (alert.has_unknown_since()) {
      Set(annotations, "unknown",
          absl::StrCat("nothing is known since ", Rfc3339(ToTime(alert.unknown_since())), ": ",
                       alert.unknown_why()));
    }
    const absl::Time starts = ToTime(alert.fired_at());
    Set(object, "startsAt", Rfc3339(starts));
    // Alertmanager refuses an end before the start.
    Set(object, "endsAt", Rfc3339(std::max(starts, ends)));
  }

  std::string Json() const {
    std::string json;
    // Every text in it is Printable, so this cannot fail.
    (void)google::protobuf::util::MessageToJsonString(list_, &json);
    return json;
  }

 private:
  const std::map<std::string, std::string>& labels_;
  ListValue list_;
};

}  // namespace

std::string AlertmanagerJson(absl::Span<const v1::Alert> told,
                             absl::Span<const v1::AlertNotification> notifications,
                             const std::map<std::string, std::string>& labels, absl::Time expires) {
  AlertList list(labels);
  for (const v1::Alert& alert : told) list.Add(alert, alert.notified_severity(), expires);
  for (const v1::AlertNotification& notification : notifications) {
    const v1::Alert& alert = notification.alert();
    const std::string& before = notification.previous_severity();
    if (!before.empty() && before != alert.notified_severity()) {
      list.Add(alert, before, ToTime(notification.time()));
    }
    if (!alert.notified_severity().empty()) list.Add(alert, alert.notified_severity(), expires);
  }
  return list.Json();
}

}  // namespace tcpfleet::controller
