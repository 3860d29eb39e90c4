#include "controller/cli/option_types.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include <CLI/CLI.hpp>
#include <utility>

#include "common/base/status_macros.h"
#include "common/base/units.h"

namespace tcpfleet::controller {

CLI::Option* AddParsed(CLI::App& app, const std::string& name, const std::string& value_name,
                       const std::string& help,
                       std::function<absl::Status(absl::string_view text)> parse) {
  return app
      .add_option_function<std::string>(
          name,
          [name, parse = std::move(parse)](const std::string& text) {
            const absl::Status parsed = parse(absl::StripAsciiWhitespace(text));
            if (!parsed.ok()) throw CLI::ValidationError(name, std::string(parsed.message()));
          },
          help)
      ->type_name(value_name);
}

CLI::Option* AddDuration(CLI::App& app, const std::string& name, absl::Duration& value,
                         absl::Duration least, absl::Duration most, const std::string& help) {
  return AddParsed(app, name, "TIME", help, [&value, least, most](absl::string_view text) {
    const absl::StatusOr<absl::Duration> parsed = ParseDurationWithin(text, least, most);
    if (parsed.ok()) value = *parsed;
    return parsed.status();
  });
}

CLI::Option* AddCount(CLI::App& app, const std::string& name, uint64_t& value, uint64_t least,
                      uint64_t most, const std::string& help) {
  return AddParsed(app, name, "N", help, [&value, least, most](absl::string_view text) {
    const absl::StatusOr<uint64_t> parsed = ParseCountWithin(text, least, most);
    if (parsed.ok()) value = *parsed;
    return parsed.status();
  });
}

absl::StatusOr<absl::Duration> ParseDurationWithin(absl::string_view text, absl::Duration least,
                                                   absl::Duration most) {
  TF_ASSIGN_OR_RETURN(const absl::Duration value, base::ParseDuration(text));
  if (value >= least && value <= most) return value;
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is out of range: it must be ",
                                                 absl::FormatDuration(least), " to ",
                                                 absl::FormatDuration(most)));
}

absl::StatusOr<uint64_t> ParseCountWithin(absl::string_view text, uint64_t least, uint64_t most) {
  TF_ASSIGN_OR_RETURN(const uint64_t value, base::ParseCount(text));
  if (value >= least && value <= most) return value;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is out of range: it must be ", least, " to ", most));
}

}  // namespace tcpfleet::controller
