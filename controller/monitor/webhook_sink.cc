#include "controller/monitor/webhook_sink.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "controller/cli/text.h"
#include "controller/monitor/alertmanager.h"
#include "controller/monitor/http_client.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kMostAtOnce = 64;
constexpr size_t kMostPerPost = 500;
constexpr int kRefreshesMissed = 4;

absl::Status StatusOf(const HttpResponse& response) {
  if (response.status / 100 == 2) return absl::OkStatus();
  const std::string said =
      absl::StrCat("HTTP ", response.status, " ", Shortened(Printable(response.body), 200));
  const bool may_pass =
      response.status / 100 == 5 || response.status == 408 || response.status == 429;
  return may_pass ? absl::UnavailableError(said) : absl::FailedPreconditionError(said);
}

}  // namespace

WebhookSink::WebhookSink(WebhookSinkOptions options, base::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      worker_(
          absl::StrCat("webhook ", options_.url.ToString()), kMostAtOnce,
          [this](absl::Span<const v1::AlertNotification> notifications, int64_t deadline_ns) {
            return Deliver(notifications, deadline_ns);
          },
          clock) {}

void WebhookSink::Notify(const v1::AlertNotification& notification) { worker_.Push(notification); }

void WebhookSink::Refresh(absl::Span<const v1::Alert> told) {
  const int64_t now_ns = clock_.MonotonicNs();
  const bool is_due = refreshed_ns_ == 0 ||
                      now_ns - refreshed_ns_ >= absl::ToInt64Nanoseconds(options_.resend_interval);
  if (!is_due || told.empty()) return;
  refreshed_ns_ = now_ns;
  {
    base::MutexLock lock(mutex_);
    told_ = std::vector<v1::Alert>(told.begin(), told.end());
  }
  worker_.Wake();
}

absl::Status WebhookSink::Deliver(absl::Span<const v1::AlertNotification> notifications,
                                  int64_t deadline_ns) {
  std::vector<v1::Alert> told;
  {
    base::MutexLock lock(mutex_);
    if (told_) told = *std::exchange(told_, std::nullopt);
  }
  const absl::Status status = Post(told, notifications, deadline_ns);
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
    base::MutexLock lock(mutex_);
    if (!told_) told_ = std::move(told);
  }
  return status;
}

absl::Status WebhookSink::Post(absl::Span<const v1::Alert> told,
                               absl::Span<const v1::AlertNotification> notifications,
                               int64_t deadline_ns) const {
  HttpPost post{.url = options_.url,
                .path = "/api/v2/alerts",
                .headers = options_.headers,
                .content_type = "application/json",
                .body = "",
                .ca_file = options_.ca_file,
                .timeout = options_.timeout};
  // Notifications go last: they are newer.
  while (!told.empty() || !notifications.empty()) {
    const absl::Span<const v1::Alert> part = told.subspan(0, kMostPerPost);
    told.remove_prefix(part.size());
    absl::Span<const v1::AlertNotification> news;
    if (told.empty()) news = std::exchange(notifications, {});
    post.body = AlertmanagerJson(part, news, options_.labels,
                                 clock_.Now() + kRefreshesMissed * options_.resend_interval);
    post.timeout =
        std::min(options_.timeout, absl::Nanoseconds(deadline_ns - clock_.MonotonicNs()));
    TF_ASSIGN_OR_RETURN(const HttpResponse response, PostHttp(post));
    TF_RETURN_IF_ERROR(StatusOf(response));
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::controller
