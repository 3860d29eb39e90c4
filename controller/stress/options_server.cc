// What our servers do on purpose, and what only our servers can do.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <set>

#include "common/base/status_macros.h"
#include "controller/stress/load_shape.h"
#include "controller/stress/option_parts.h"

namespace tcpfleet::controller {
namespace {

using Spec = v1::StressSpec;

constexpr absl::string_view kOption = "--server-behavior";
constexpr uint64_t kMostRequests = 1'000'000'000;
constexpr absl::Duration kLongestDelay = absl::Minutes(10);

absl::Status Bad(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(kOption, ": '", text, "': ", what));
}

absl::Status SetBehavior(size_t name, const std::string& value, Spec& spec) {
  v1::ServerBehavior& behavior = *spec.mutable_behavior();
  const std::string option(kOption);
  switch (name) {
    case 0: {
      TF_ASSIGN_OR_RETURN(const uint64_t ms, ParseBoundedMs(option + " accept-delay", value,
                                                            absl::Milliseconds(1), kLongestDelay));
      behavior.set_accept_delay_ms(ms);
      return absl::OkStatus();
    }
    case 1: {
      TF_ASSIGN_OR_RETURN(const uint64_t ms, ParseBoundedMs(option + " reply-delay", value,
                                                            absl::Milliseconds(1), kLongestDelay));
      behavior.set_reply_delay_ms(ms);
      return absl::OkStatus();
    }
    case 2: {
      TF_ASSIGN_OR_RETURN(const uint32_t requests,
                          ParseBoundedCount(option + " reset-after", value, 1, kMostRequests));
      behavior.set_reset_after_requests(requests);
      return absl::OkStatus();
    }
    case 3: {
      const auto longest = absl::Milliseconds(static_cast<int64_t>(spec.duration_ms()));
      TF_ASSIGN_OR_RETURN(const uint64_t ms, ParseBoundedMs(option + " reset-at", value,
                                                            absl::ZeroDuration(), longest));
      if (behavior.reset_at_ms_size() == kMostStorms) {
        return Bad(value, absl::StrCat("at most ", kMostStorms, " resets"));
      }
      behavior.add_reset_at_ms(spec.warmup_ms() + ms);
      std::sort(behavior.mutable_reset_at_ms()->begin(), behavior.mutable_reset_at_ms()->end());
      return absl::OkStatus();
    }
    case 4:
      behavior.set_zero_window(true);
      return absl::OkStatus();
    default:
      behavior.set_silent(true);
      return absl::OkStatus();
  }
}

absl::Status AddBehavior(const std::string& text, std::set<std::string>& seen, Spec& spec) {
  constexpr size_t kFirstWithoutValue = 4;
  constexpr absl::string_view kRepeatable = "reset-at";
  const size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  TF_ASSIGN_OR_RETURN(const size_t index, ParseChoice(kOption, name,
                                                      {"accept-delay", "reply-delay", "reset-after",
                                                       "reset-at", "zero-window", "silent"}));
  const bool has_value = equals != std::string::npos;
  if (index < kFirstWithoutValue && !has_value) return Bad(text, absl::StrCat(name, "=VALUE"));
  if (index >= kFirstWithoutValue && has_value) return Bad(text, "it takes no value");
  if (!seen.insert(name).second && name != kRepeatable) return Bad(text, "comes twice");
  return SetBehavior(index, has_value ? text.substr(equals + 1) : std::string(), spec);
}

absl::Status CheckBehavior(const Spec& spec) {
  const v1::ServerBehavior& behavior = spec.behavior();
  const bool answers = behavior.reply_delay_ms() > 0 || behavior.reset_after_requests() > 0;
  if (behavior.zero_window() && (answers || behavior.silent())) {
    return Bad("zero-window", "the server reads nothing, so it cannot answer or count requests");
  }
  if (behavior.silent() && answers) {
    return Bad("silent", "the server never answers: leave reply-delay and reset-after out");
  }
  if (answers && !HasResponses(spec)) {
    return Bad(behavior.reply_delay_ms() > 0 ? "reply-delay" : "reset-after",
               "only crr and rr have requests");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseServerSide(const StressArguments& arguments, bool own_server, Spec& spec) {
  std::set<std::string> seen;
  for (const std::string& text : arguments.server_behavior) {
    TF_RETURN_IF_ERROR(AddBehavior(text, seen, spec));
  }
  TF_RETURN_IF_ERROR(CheckBehavior(spec));
  constexpr absl::string_view kOurs = "needs our own server: give --serve, --mesh or --pairs";
  constexpr absl::string_view kForeign = "is for servers of others: give --target";
  const std::pair<absl::string_view, bool> only_ours[] = {
      {kOption, spec.has_behavior()},
      {"--close server-fin", spec.close_mode() == Spec::CLOSE_MODE_SERVER_FIN},
      {"--heartbeat", spec.heartbeat_ms() > 0},
  };
  const std::pair<absl::string_view, bool> only_foreign[] = {
      {"--request", !spec.request().empty()},
      {"--http", spec.has_http()},
  };
  for (const auto& [option, given] : only_ours) {
    if (given && !own_server) {
      return absl::InvalidArgumentError(absl::StrCat(option, ": ", kOurs));
    }
  }
  for (const auto& [option, given] : only_foreign) {
    if (given && own_server) {
      return absl::InvalidArgumentError(absl::StrCat(option, ": ", kForeign));
    }
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::controller
