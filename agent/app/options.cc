#include "agent/app/options.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "agent/sysctl/change_planner.h"
#include "agent/sysctl/own_file.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "common/base/units.h"
#include "common/base/version.h"
#include "common/sys/file.h"
#include "common/sysctl/key.h"

namespace tcpfleet::agent {
namespace {

constexpr char kDefaultAddress[] = "127.0.0.1:7117";
constexpr double kMostCores = 65'536;

// The flags as typed; interpreted by Interpret().
struct RawFlags {
  std::vector<std::string> listen;
  std::vector<std::string> allow_target;
  std::vector<std::string> allow_sysctl;
  std::string state_directory, sysctl_file;
  std::string name, config;
  std::string max_connections, max_rate, max_duration;
  std::string max_new_connections, max_bandwidth, max_cpu, min_free_memory;
  rpc::TlsFiles tls;
  observe::LogOptions log;
  bool insecure_listen = false;
  bool exit_on_stdin_close = false;
};

void DeclareFlags(CLI::App& app, RawFlags& flags) {
  app.set_version_flag("--version", absl::StrCat("tcpfleet-agent ", base::Version()));
  app.add_option("--listen", flags.listen,
                 absl::StrCat("ADDRESS:PORT or unix:/path; repeatable (default: ", kDefaultAddress,
                              " and unix:/run/tcpfleet/agent.sock where possible)"));
  app.add_flag("--insecure-listen", flags.insecure_listen,
               "permit addresses beyond loopback without TLS; logs a warning");
  app.add_option("--tls-ca", flags.tls.ca,
                 "PEM file: the authority that signed the controllers' certificates");
  app.add_option("--tls-cert", flags.tls.cert, "PEM file: this agent's certificate");
  app.add_option("--tls-key", flags.tls.key, "PEM file: its key");
  app.add_option("--config", flags.config, "YAML file with the same names; the command line wins");
  app.add_option("--name", flags.name, "name of this agent (default: the host name)");
  app.add_option("--allow-target", flags.allow_target,
                 "network that load and probes may go to, CIDR; repeatable, replaces the default "
                 "(loopback and private networks)");
  app.add_option("--max-connections", flags.max_connections,
                 "connections of all load runs together");
  app.add_option("--max-rate", flags.max_rate, "operations per second of all load runs together");
  app.add_option("--max-duration", flags.max_duration, "longest load run, warm-up included");
  app.add_option("--max-new-connections", flags.max_new_connections,
                 "connections all load runs together may open per second");
  app.add_option("--max-bandwidth", flags.max_bandwidth,
                 "bits all load runs together may send per second, such as 500M");
  app.add_option("--max-cpu", flags.max_cpu,
                 "CPU cores the agent may use while it runs load, such as 1.5; above, runs end");
  app.add_option("--min-free-memory", flags.min_free_memory,
                 "bytes of memory the host must have available, such as 2G; below, no run starts "
                 "and those under way end");
  app.add_option("--allow-sysctl", flags.allow_sysctl,
                 "kernel parameter controllers may change, such as net.ipv4.tcp_*; repeatable; "
                 "default stands for net.ipv4.tcp_*, net.core.* and net.ipv4.ip_local_*; without "
                 "it they change none");
  app.add_option("--state-directory", flags.state_directory,
                 absl::StrCat("where changes of kernel parameters are kept until they are "
                              "confirmed, and logged (default: ",
                              AgentOptions().state_directory, ")"));
  app.add_option("--sysctl-file", flags.sysctl_file,
                 absl::StrCat("the file in which changes are set for the next boot; it belongs to "
                              "the agent (default: ",
                              AgentOptions().sysctl_file, ")"));
  app.add_option("--log-level", flags.log.level, "error, warn, info or debug")
      ->capture_default_str();
  app.add_option("--log-format", flags.log.format, "text or json")->capture_default_str();
  app.add_flag("--exit-on-stdin-close", flags.exit_on_stdin_close,
               "stop when stdin ends: for programs that start a private agent");
}

std::vector<std::string> FlagNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) names.push_back(option->get_name());
  return names;
}

// The settings of the file as command line arguments, without those that the command line gives
// itself.
absl::StatusOr<std::vector<std::string>> ArgumentsFromFile(
    const std::string& path, const CLI::App& app, absl::Span<const std::string> command_line) {
  TF_ASSIGN_OR_RETURN(const std::string text, sys::ReadFile(path));
  std::vector<std::string> arguments;
  try {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsNull() && !root.IsMap()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":1: must be a list of 'name: value' lines"));
    }
    for (const auto& entry : root) {
      const std::string flag = "--" + entry.first.as<std::string>();
      const std::string where = absl::StrCat(path, ":", entry.first.Mark().line + 1);
      const std::vector<std::string> known = FlagNames(app);
      if (std::find(known.begin(), known.end(), flag) == known.end() || flag == "--config") {
        return absl::InvalidArgumentError(absl::StrCat(where, ": unknown setting '", flag.substr(2),
                                                       "'", base::DidYouMean(flag, known)));
      }
      const bool given =
          std::any_of(command_line.begin(), command_line.end(), [&](const std::string& argument) {
            return argument == flag || absl::StartsWith(argument, flag + "=");
          });
      if (given) continue;
      if (entry.second.IsSequence()) {
        for (const auto& item : entry.second)
          arguments.push_back(absl::StrCat(flag, "=", item.as<std::string>()));
      } else {
        arguments.push_back(absl::StrCat(flag, "=", entry.second.as<std::string>()));
      }
    }
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":", error.mark.line + 1, ": ", error.msg));
  }
  return arguments;
}

absl::Status ParseInto(CLI::App& app, std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    throw;
  } catch (const CLI::CallForVersion&) {
    throw;
  } catch (const CLI::ExtrasError&) {
    const std::vector<std::string> extras = app.remaining();
    const std::string first = extras.empty() ? "" : extras.front();
    return absl::InvalidArgumentError(
        absl::StrCat("unknown argument '", first, "'", base::DidYouMean(first, FlagNames(app))));
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  return absl::OkStatus();
}

absl::StatusOr<double> ParseCores(absl::string_view text) {
  double cores = 0;
  // Written so that NaN is refused too.
  if (!absl::SimpleAtod(text, &cores) || !(cores > 0 && cores <= kMostCores)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not a number of cores, such as 0.5 or 4"));
  }
  return cores;
}

// A rate as double, which can also be infinite.
absl::StatusOr<double> ParseRate(absl::string_view text) {
  TF_ASSIGN_OR_RETURN(const uint64_t rate, base::ParseCount(text));
  if (rate == 0) return absl::InvalidArgumentError("is 0, it must be at least 1");
  return static_cast<double>(rate);
}

// What the flag says, if it was given.
template <class Value>
absl::Status Take(const char* flag, const std::string& text,
                  absl::StatusOr<Value> (*parse)(absl::string_view), Limit<Value>& limit) {
  if (text.empty()) return absl::OkStatus();
  absl::StatusOr<Value> value = parse(text);
  if (!value.ok()) return base::WithContext(flag, value.status());
  limit = {*std::move(value), flag};
  return absl::OkStatus();
}

absl::StatusOr<AgentLoadLimits> InterpretLimits(const RawFlags& flags) {
  AgentLoadLimits limits;
  if (!flags.allow_target.empty()) {
    limits.allowed_targets.value.clear();
    limits.allowed_targets.source = "--allow-target";
    for (const std::string& text : flags.allow_target) {
      absl::StatusOr<base::IpNetwork> network = base::IpNetwork::Parse(text);
      if (!network.ok()) return base::WithContext("--allow-target", network.status());
      limits.allowed_targets.value.push_back(*std::move(network));
    }
  }
  TF_RETURN_IF_ERROR(
      Take("--max-connections", flags.max_connections, &base::ParseCount, limits.max_connections));
  TF_RETURN_IF_ERROR(Take("--max-rate", flags.max_rate, &ParseRate, limits.max_rate_per_second));
  TF_RETURN_IF_ERROR(
      Take("--max-duration", flags.max_duration, &base::ParseDuration, limits.max_duration));
  TF_RETURN_IF_ERROR(Take("--max-new-connections", flags.max_new_connections, &ParseRate,
                          limits.max_new_connections_per_second));
  TF_RETURN_IF_ERROR(
      Take("--max-bandwidth", flags.max_bandwidth, &ParseRate, limits.max_bits_per_second));
  TF_RETURN_IF_ERROR(Take("--max-cpu", flags.max_cpu, &ParseCores, limits.max_cpu_cores));
  TF_RETURN_IF_ERROR(Take("--min-free-memory", flags.min_free_memory, &base::ParseCount,
                          limits.min_available_memory_bytes));
  return limits;
}

absl::Status InterpretSysctls(const RawFlags& flags, AgentOptions& options) {
  for (const std::string& text : flags.allow_sysctl) {
    if (text == "default") {
      options.allowed_sysctls.insert(options.allowed_sysctls.end(), std::begin(kDefaultAllowedKeys),
                                     std::end(kDefaultAllowedKeys));
      continue;
    }
    absl::StatusOr<std::string> pattern = sysctl::ParseKey(text);
    if (!pattern.ok()) return base::WithContext("--allow-sysctl", pattern.status());
    options.allowed_sysctls.push_back(*std::move(pattern));
  }
  if (!flags.state_directory.empty()) options.state_directory = flags.state_directory;
  if (!flags.sysctl_file.empty()) options.sysctl_file = flags.sysctl_file;
  if (!absl::StartsWith(options.state_directory, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--state-directory: '", options.state_directory, "' is not an absolute path"));
  }
  return base::WithContext("--sysctl-file", CheckOwnFilePath(options.sysctl_file));
}

absl::StatusOr<AgentOptions> Interpret(RawFlags flags) {
  AgentOptions options;
  TF_RETURN_IF_ERROR(InterpretSysctls(flags, options));
  TF_ASSIGN_OR_RETURN(options.limits, InterpretLimits(flags));
  options.name = std::move(flags.name);
  options.default_listen = flags.listen.empty();
  options.server.listen =
      options.default_listen ? std::vector<std::string>{kDefaultAddress} : std::move(flags.listen);
  options.server.tls = std::move(flags.tls);
  options.server.insecure_listen = flags.insecure_listen;
  options.log = std::move(flags.log);
  options.exit_on_stdin_close = flags.exit_on_stdin_close;
  return options;
}

}  // namespace

absl::StatusOr<ParsedCommandLine> ParseAgentCommandLine(absl::Span<const std::string> arguments) {
  CLI::App app(
      "Runs on every host of the fleet: samples TCP sockets and generates load for tcpfleet.",
      "tcpfleet-agent");
  RawFlags flags;
  DeclareFlags(app, flags);
  std::vector<std::string> all(arguments.begin(), arguments.end());
  try {
    TF_RETURN_IF_ERROR(ParseInto(app, all));
    if (!flags.config.empty()) {
      TF_ASSIGN_OR_RETURN(std::vector<std::string> combined,
                          ArgumentsFromFile(flags.config, app, arguments));
      combined.insert(combined.end(), arguments.begin(), arguments.end());
      flags = RawFlags();
      TF_RETURN_IF_ERROR(ParseInto(app, std::move(combined)));
    }
  } catch (const CLI::CallForHelp&) {
    return ParsedCommandLine{std::nullopt, app.help()};
  } catch (const CLI::CallForVersion& version) {
    return ParsedCommandLine{std::nullopt, absl::StrCat(version.what(), "\n")};
  }
  ParsedCommandLine parsed;
  TF_ASSIGN_OR_RETURN(parsed.options, Interpret(std::move(flags)));
  return parsed;
}

}  // namespace tcpfleet::agent
