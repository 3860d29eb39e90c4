#include "common/observe/log.h"

#include <absl/strings/str_cat.h>
#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

namespace tcpfleet::observe {
namespace {

// One JSON object a line: time (RFC 3339, UTC), level, message.
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& out) override {
    time_.format(line, out);
    AppendEscaped(line.payload, out);
    Append("\"}\n", out);
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }

 private:
  static void Append(spdlog::string_view_t text, spdlog::memory_buf_t& out) {
    out.append(text.data(), text.data() + text.size());
  }
  static void AppendEscaped(spdlog::string_view_t text, spdlog::memory_buf_t& out) {
    for (const char c : text) {
      if (c == '"' || c == '\\') {
        out.push_back('\\');
        out.push_back(c);
      } else if (static_cast<unsigned char>(c) < 0x20) {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
      } else {
        out.push_back(c);
      }
    }
  }

  spdlog::pattern_formatter time_{R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l","message":")",
                                  spdlog::pattern_time_type::utc, ""};
};

}  // namespace

absl::Status SetUpLogging(const LogOptions& options) {
  const spdlog::level::level_enum level = spdlog::level::from_str(options.level);
  if (options.level != "error" && options.level != "warn" && options.level != "info" &&
      options.level != "debug") {
    return absl::InvalidArgumentError(
        absl::StrCat("log level '", options.level, "': must be error, warn, info or debug"));
  }
  std::shared_ptr<spdlog::logger> logger;
  if (options.format == "text") {
    logger = std::make_shared<spdlog::logger>(
        "", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%-5l%$ %v");
  } else if (options.format == "json") {
    logger =
        std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("log format '", options.format, "': must be text or json"));
  }
  logger->set_level(level);
  spdlog::set_default_logger(std::move(logger));
  return absl::OkStatus();
}

}  // namespace tcpfleet::observe
