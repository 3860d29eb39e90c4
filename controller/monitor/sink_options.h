#pragma once

#include <absl/time/time.h>

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "controller/monitor/alert_level.h"
#include "controller/monitor/http_client.h"

namespace tcpfleet::controller {

struct JsonlSinkOptions {
  std::string path;
};

struct CommandSinkOptions {
  std::vector<std::string> run;  // the program first
  absl::Duration timeout = absl::Seconds(10);
};

struct WebhookSinkOptions {
  HttpUrl url;                                 // of the API's root, "http://127.0.0.1:9093"
  std::map<std::string, std::string> labels;   // added to those of every alert
  std::map<std::string, std::string> headers;  // for example Authorization
  std::string ca_file;                         // PEM; empty: the system's
  absl::Duration timeout = absl::Seconds(5);
  // What fires is posted again so often; Alertmanager resolves what it has not heard of for four
  // of these.
  absl::Duration resend_interval = absl::Minutes(1);
};

struct SinkOptions {
  // Alerts that never were so bad are not told.
  AlertLevel least = AlertLevel::kInfo;
  std::variant<JsonlSinkOptions, CommandSinkOptions, WebhookSinkOptions> kind;
};

}  // namespace tcpfleet::controller
