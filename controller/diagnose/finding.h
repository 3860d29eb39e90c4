// Findings as rules make them. The judge adds what the rule and the host already say: rule, title,
// cause, fixes, and hosts where the rule is asked of one at a time.
#pragma once

#include <absl/strings/string_view.h>

#include <optional>
#include <string>
#include <vector>

#include "controller/diagnose/host_observation.h"
#include "controller/diagnose/rule.h"
#include "tcpfleet/v1/diagnosis.pb.h"

namespace tcpfleet::controller {

inline constexpr int kMostProvingSockets = 10;

// `subject` is what is wrong on the host, empty for the host as a whole. Confidence is high.
v1::Finding NewFinding(FindingSeverity severity, std::string subject = "");

// A counter with its rate; the threshold is one of the rate.
void AddChange(v1::Finding& finding, const CounterChange& change, absl::string_view unit,
               std::optional<double> threshold = std::nullopt);
// A number as it is now.
void AddNumber(v1::Finding& finding, absl::string_view source, absl::string_view name, double value,
               absl::string_view unit, std::optional<double> threshold = std::nullopt);
// The first kMostProvingSockets stay.
void AddSocket(v1::Finding& finding, const v1::ConnectionRecord& connection);

// All that the finding says is of this host; once, when it is complete.
void SetHost(const HostObservation& host, v1::Finding& finding);

// `findings`; where there are none, the reason why that does not mean that all is fine.
Findings UnlessIncomplete(std::vector<v1::Finding> findings, const absl::Status& complete);

// "nginx[812]", "java orders.jar[812]".
std::string OwnerText(const v1::SocketOwner& owner,
                      absl::string_view when_unknown = "an unknown process");
// The same of the process in a record of a connection.
std::string OwnerText(const v1::ConnectionRecord& connection);
// "0.0.0.0:80", "[::]:80"
std::string EndpointText(absl::string_view address, uint32_t port);
// "0.0.0.0:80 nginx[812]"; without an owner where none is known.
std::string ListenerText(const v1::Listener& listener);
// Its owner is not looked for in every snapshot.
std::string ListenerText(const ListenerHistory& history);

}  // namespace tcpfleet::controller
