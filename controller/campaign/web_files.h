// The files of web/, built in.
#pragma once

#include <absl/strings/string_view.h>

namespace tcpfleet::controller {

extern const absl::string_view kPageHtml;
extern const absl::string_view kPageCss;
extern const absl::string_view kChartsJs;
extern const absl::string_view kPageJs;

}  // namespace tcpfleet::controller
