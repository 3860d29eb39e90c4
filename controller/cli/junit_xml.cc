#include "controller/cli/junit_xml.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>

#include "controller/cli/text.h"

namespace tcpfleet::controller {
namespace {

// Attribute text. XML 1.0 has no way to write control characters: they are '?', as is broken UTF-8.
std::string Escaped(absl::string_view text) {
  std::string escaped;
  for (const char c : Printable(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string CaseXml(absl::string_view class_name, const JUnitCase& test_case) {
  std::string xml =
      absl::StrFormat("    <testcase classname=\"%s\" name=\"%s\" time=\"%.3f\"",
                      Escaped(class_name), Escaped(test_case.name), test_case.seconds);
  if (test_case.kind.empty()) return absl::StrCat(xml, "/>\n");
  return absl::StrCat(xml, ">\n      <", test_case.kind, " message=\"", Escaped(test_case.message),
                      "\"/>\n    </testcase>\n");
}

}  // namespace

std::string JUnitDocument(absl::string_view suite, absl::string_view class_name, absl::Time start,
                          absl::Span<const JUnitCase> cases) {
  const auto count = [&](absl::string_view kind) {
    return std::count_if(cases.begin(), cases.end(),
                         [&](const JUnitCase& test_case) { return test_case.kind == kind; });
  };
  double seconds = 0;
  std::string body;
  for (const JUnitCase& test_case : cases) {
    seconds = std::max(seconds, test_case.seconds);
    body += CaseXml(class_name, test_case);
  }
  const auto skipped = count("skipped");
  return absl::StrCat(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n",
      absl::StrFormat("  <testsuite name=\"%s\" tests=\"%d\" failures=\"%d\" errors=\"%d\"%s "
                      "time=\"%.3f\" timestamp=\"%s\">\n",
                      Escaped(suite), cases.size(), count("failure"), count("error"),
                      skipped > 0 ? absl::StrCat(" skipped=\"", skipped, "\"") : "", seconds,
                      absl::FormatTime("%Y-%m-%dT%H:%M:%S", start, absl::UTCTimeZone())),
      body, "  </testsuite>\n</testsuites>\n");
}

}  // namespace tcpfleet::controller
