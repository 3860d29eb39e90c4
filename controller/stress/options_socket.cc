// How sockets are set, bound and closed.
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <array>
#include <set>

#include "common/base/ip_address.h"
#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "controller/stress/option_parts.h"

namespace tcpfleet::controller {
namespace {

using Spec = v1::StressSpec;

constexpr absl::string_view kOption = "--socket-option";
constexpr uint64_t kMostBufferBytes = 1 << 30;
constexpr size_t kMostSources = 256;
constexpr size_t kLongestInterface = 15;   // IFNAMSIZ with its 0
constexpr size_t kLongestCongestion = 15;  // TCP_CA_NAME_MAX with its 0

absl::Status Bad(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(kOption, ": '", text, "': ", what));
}

absl::StatusOr<bool> ParseSwitch(absl::string_view text, absl::string_view value) {
  if (value.empty() || value == "on") return true;
  if (value == "off") return false;
  return Bad(text, "write on or off");
}

// A number, or a class of RFC 2474, 2597, 3246, 5865 or 8622.
absl::StatusOr<uint32_t> ParseDscp(absl::string_view text, absl::string_view value) {
  uint32_t number = 0;
  if (absl::SimpleAtoi(value, &number) && number < 64) return number;
  if (value == "EF") return 46u;
  if (value == "VA") return 44u;
  if (value == "LE") return 1u;
  const auto digit = [&](size_t i) { return static_cast<uint32_t>(value[i] - '0'); };
  if (value.size() == 3 && value.substr(0, 2) == "CS" && value[2] >= '0' && value[2] <= '7') {
    return digit(2) * 8;
  }
  if (value.size() == 4 && value.substr(0, 2) == "AF" && value[2] >= '1' && value[2] <= '4' &&
      value[3] >= '1' && value[3] <= '3') {
    return digit(2) * 8 + digit(3) * 2;
  }
  return Bad(text, "a DSCP is 0 to 63, or EF, VA, LE, CS0 to CS7, AF11 to AF43");
}

absl::StatusOr<uint32_t> ParseMark(absl::string_view text, absl::string_view value) {
  uint32_t mark = 0;
  const bool hexadecimal = value.substr(0, 2) == "0x";
  if (hexadecimal ? absl::SimpleHexAtoi(value, &mark) : absl::SimpleAtoi(value, &mark)) return mark;
  return Bad(text, "a mark is a 32-bit number such as 7 or 0x7");
}

absl::Status SetName(absl::string_view text, absl::string_view value, size_t longest,
                     std::string& name) {
  const bool usable = !value.empty() && value.size() <= longest &&
                      std::all_of(value.begin(), value.end(),
                                  [](char c) { return c > ' ' && c < 0x7f && c != '/'; });
  if (!usable) return Bad(text, absl::StrCat("write a name of 1 to ", longest, " characters"));
  name = std::string(value);
  return absl::OkStatus();
}

using Setter = absl::Status (*)(absl::string_view text, absl::string_view value,
                                v1::SocketOptions& options);
struct SocketOptionEntry {
  absl::string_view name;
  Setter set;
};
constexpr std::array kSocketOptions = {
    SocketOptionEntry{"congestion",
                      [](absl::string_view text, absl::string_view value, v1::SocketOptions& o) {
                        return SetName(text, value, kLongestCongestion,
                                       *o.mutable_congestion_control());
                      }},
    SocketOptionEntry{"sndbuf",
                      [](absl::string_view, absl::string_view value, v1::SocketOptions& o) {
                        TF_ASSIGN_OR_RETURN(const uint32_t bytes,
                                            ParseBoundedCount("--socket-option sndbuf", value, 1,
                                                              kMostBufferBytes));
                        o.set_send_buffer_bytes(bytes);
                        return absl::OkStatus();
                      }},
    SocketOptionEntry{"rcvbuf",
                      [](absl::string_view, absl::string_view value, v1::SocketOptions& o) {
                        TF_ASSIGN_OR_RETURN(const uint32_t bytes,
                                            ParseBoundedCount("--socket-option rcvbuf", value, 1,
                                                              kMostBufferBytes));
                        o.set_receive_buffer_bytes(bytes);
                        return absl::OkStatus();
                      }},
    SocketOptionEntry{"dscp",
                      [](absl::string_view text, absl::string_view value, v1::SocketOptions& o) {
                        TF_ASSIGN_OR_RETURN(const uint32_t dscp, ParseDscp(text, value));
                        o.set_dscp(dscp);
                        return absl::OkStatus();
                      }},
    SocketOptionEntry{"mark",
                      [](absl::string_view text, absl::string_view value, v1::SocketOptions& o) {
                        TF_ASSIGN_OR_RETURN(const uint32_t mark, ParseMark(text, value));
                        o.set_mark(mark);
                        return absl::OkStatus();
                      }},
    SocketOptionEntry{"user-timeout",
                      [](absl::string_view, absl::string_view value, v1::SocketOptions& o) {
                        TF_ASSIGN_OR_RETURN(const uint64_t ms,
                                            ParseBoundedMs("--socket-option user-timeout", value,
                                                           absl::Milliseconds(1), absl::Hours(24)));
                        o.set_user_timeout_ms(static_cast<uint32_t>(ms));
                        return absl::OkStatus();
                      }},
    SocketOptionEntry{"notsent-lowat",
                      [](absl::string_view, absl::string_view value, v1::SocketOptions& o) {
                        TF_ASSIGN_OR_RETURN(const uint32_t bytes,
                                            ParseBoundedCount("--socket-option notsent-lowat",
                                                              value, 1, kMostBufferBytes));
                        o.set_notsent_lowat_bytes(bytes);
                        return absl::OkStatus();
                      }},
    SocketOptionEntry{"interface",
                      [](absl::string_view text, absl::string_view value, v1::SocketOptions& o) {
                        return SetName(text, value, kLongestInterface, *o.mutable_bind_interface());
                      }},
    SocketOptionEntry{"fastopen",
                      [](absl::string_view text, absl::string_view value, v1::SocketOptions& o) {
                        TF_ASSIGN_OR_RETURN(const bool on, ParseSwitch(text, value));
                        o.set_fast_open(on);
                        return absl::OkStatus();
                      }},
    SocketOptionEntry{"quickack",
                      [](absl::string_view text, absl::string_view value, v1::SocketOptions& o) {
                        TF_ASSIGN_OR_RETURN(const bool on, ParseSwitch(text, value));
                        o.set_quick_ack(on);
                        return absl::OkStatus();
                      }},
    SocketOptionEntry{"nodelay",
                      [](absl::string_view text, absl::string_view value, v1::SocketOptions& o) {
                        TF_ASSIGN_OR_RETURN(const bool on, ParseSwitch(text, value));
                        o.set_no_delay(on);
                        return absl::OkStatus();
                      }},
};

absl::Status AddSocketOption(const std::string& text, std::set<std::string>& seen,
                             v1::SocketOptions& options) {
  const size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const auto entry = std::find_if(kSocketOptions.begin(), kSocketOptions.end(),
                                  [&](const SocketOptionEntry& e) { return e.name == name; });
  if (entry == kSocketOptions.end()) {
    std::vector<std::string> names;
    for (const SocketOptionEntry& known : kSocketOptions) names.emplace_back(known.name);
    return ParseChoice(kOption, name, names).status();
  }
  if (!seen.insert(name).second) return Bad(text, "comes twice");
  const absl::string_view value =
      equals == std::string::npos ? "" : absl::string_view(text).substr(equals + 1);
  return entry->set(text, value, options);
}

absl::Status ParseKeepalive(const std::string& text, v1::SocketOptions& options) {
  if (text == "off") return absl::OkStatus();
  const std::vector<std::string> parts = absl::StrSplit(text, '/');
  if (parts.size() != 3) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--keepalive: '", text, "' is neither off nor IDLE/INTERVAL/PROBES such as 30s/5s/3"));
  }
  // The kernel's own bounds: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL, MAX_TCP_KEEPCNT (net/tcp.h).
  constexpr absl::Duration kMostKeepalive = absl::Seconds(32767);
  TF_ASSIGN_OR_RETURN(const uint64_t idle_ms, ParseBoundedMs("--keepalive IDLE", parts[0],
                                                             absl::Seconds(1), kMostKeepalive));
  TF_ASSIGN_OR_RETURN(const uint64_t interval_ms, ParseBoundedMs("--keepalive INTERVAL", parts[1],
                                                                 absl::Seconds(1), kMostKeepalive));
  TF_ASSIGN_OR_RETURN(const uint32_t probes,
                      ParseBoundedCount("--keepalive PROBES", parts[2], 1, 127));
  if (idle_ms % 1000 != 0 || interval_ms % 1000 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--keepalive: '", text, "': the kernel counts whole seconds"));
  }
  options.set_keepalive(true);
  options.set_keepalive_idle_seconds(static_cast<uint32_t>(idle_ms / 1000));
  options.set_keepalive_interval_seconds(static_cast<uint32_t>(interval_ms / 1000));
  options.set_keepalive_probes(probes);
  return absl::OkStatus();
}

absl::Status ParseClose(const std::string& text, Spec& spec) {
  constexpr Spec::CloseMode kModes[] = {Spec::CLOSE_MODE_RST, Spec::CLOSE_MODE_FIN,
                                        Spec::CLOSE_MODE_SERVER_FIN};
  TF_ASSIGN_OR_RETURN(const size_t mode,
                      ParseChoice("--close", text, {"rst", "fin", "server-fin"}));
  spec.set_close_mode(kModes[mode]);
  if (spec.close_mode() != Spec::CLOSE_MODE_SERVER_FIN) return absl::OkStatus();
  return OnlyFor("--close server-fin", text, spec, {Spec::WORKLOAD_CONNECT, Spec::WORKLOAD_CRR});
}

absl::Status ParseSources(const StressArguments& arguments, Spec& spec) {
  if (arguments.sources.size() > kMostSources) {
    return absl::InvalidArgumentError(
        absl::StrCat("--source: at most ", kMostSources, " addresses and networks"));
  }
  for (const std::string& source : arguments.sources) {
    if (!base::IpNetwork::Parse(source).ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--source: '", source, "' is no IP address and no network such as 198.18.0.0/28"));
    }
    spec.add_sources(source);
  }
  if (arguments.ports.empty()) return absl::OkStatus();
  constexpr Spec::PortChoice kChoices[] = {Spec::PORT_CHOICE_UNSPECIFIED, Spec::PORT_CHOICE_KERNEL,
                                           Spec::PORT_CHOICE_OWN};
  TF_ASSIGN_OR_RETURN(const size_t choice,
                      ParseChoice("--ports", arguments.ports, {"auto", "kernel", "own"}));
  spec.set_port_choice(kChoices[choice]);
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseSockets(const StressArguments& arguments, Spec& spec) {
  TF_RETURN_IF_ERROR(ParseClose(arguments.close, spec));
  TF_RETURN_IF_ERROR(ParseSources(arguments, spec));
  v1::SocketOptions& options = *spec.mutable_socket_options();
  // A stream has nothing to wait for: it would only send the rest of every write by itself.
  options.set_no_delay(spec.workload() != v1::StressSpec::WORKLOAD_STREAM);
  options.set_reuse_address(true);
  options.set_linger_reset(spec.close_mode() == Spec::CLOSE_MODE_RST);
  // Connections that live for one exchange would only pay for setting it.
  const std::string otherwise = KeepsConnections(spec) ? "30s/5s/3" : "off";
  TF_RETURN_IF_ERROR(
      ParseKeepalive(arguments.keepalive.empty() ? otherwise : arguments.keepalive, options));
  std::set<std::string> seen;
  for (const std::string& text : arguments.socket_options) {
    TF_RETURN_IF_ERROR(AddSocketOption(text, seen, options));
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::controller
