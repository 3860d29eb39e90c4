#include "controller/rollout/plan_file.h"

#include <absl/container/flat_hash_set.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/util/message_differencer.h>

#include <filesystem>
#include <system_error>

#include "common/base/sha256.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/base/units.h"
#include "common/sysctl/change_set.h"
#include "controller/fleet/fleet.h"
#include "controller/rollout/message_file.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::Duration kClocksApart = absl::Minutes(5);

// Every text with its length in front, every list with its count: nothing can pass for another.
class IdentityText {
 public:
  void Add(absl::string_view text) { absl::StrAppend(&text_, text.size(), ":", text, "\n"); }
  void Add(int64_t number) { absl::StrAppend(&text_, number, "\n"); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void AddHost(const v1::PlannedHost& host, IdentityText& to) {
  to.Add(host.name());
  to.Add(host.address());
  to.Add(host.set().boot_id());
  to.Add(static_cast<int64_t>(host.set().network_namespace()));
  to.Add(int64_t{host.set().changes_size()});
  for (const v1::SysctlChange& change : host.set().changes()) {
    to.Add(change.key());
    to.Add(change.old_value());
    to.Add(change.new_value());
  }
  to.Add(int64_t{host.notes_size()});
  for (const v1::PlannedChange& note : host.notes()) {
    for (const std::string* text :
         {&note.key(), &note.direction(), &note.scope(), &note.set_by(), &note.reason()}) {
      to.Add(*text);
    }
    to.Add(int64_t{note.cautions_size()});
    for (const std::string& caution : note.cautions()) to.Add(caution);
  }
}

std::string IdOf(const v1::SysctlPlan& plan) {
  IdentityText text;
  text.Add("tcpfleet plan 1");
  text.Add(plan.created_at().seconds());
  text.Add(int64_t{plan.created_at().nanos()});
  text.Add(plan.author());
  text.Add(plan.reason());
  text.Add(plan.profile());
  text.Add(plan.persist() ? "persist" : "runtime");
  text.Add(int64_t{plan.hosts_size()});
  for (const v1::PlannedHost& host : plan.hosts()) AddHost(host, text);
  text.Add(int64_t{plan.unchanged_size()});
  for (const std::string& name : plan.unchanged()) text.Add(name);
  text.Add(int64_t{plan.obstacles_size()});
  for (const v1::PlanObstacle& obstacle : plan.obstacles()) {
    text.Add(obstacle.name());
    text.Add(obstacle.key());
    text.Add(obstacle.why());
  }
  return base::Sha256Hex(text.text());
}

// What a host's set repeats of the plan.
void Repeat(const v1::SysctlPlan& plan, v1::SysctlChangeSet& set) {
  set.set_plan_id(plan.id());
  set.set_persist(plan.persist());
  *set.mutable_planned_at() = plan.created_at();
  set.set_author(plan.author());
  set.set_reason(plan.reason());
  set.set_hash(sysctl::HashOf(set));
}

absl::Status CheckHost(const v1::SysctlPlan& plan, const v1::PlannedHost& host) {
  TF_RETURN_IF_ERROR(sysctl::CheckChangeSet(host.set()));
  v1::SysctlChangeSet expected = host.set();
  Repeat(plan, expected);
  if (google::protobuf::util::MessageDifferencer::Equals(expected, host.set())) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("its part is of another plan");
}

}  // namespace

void SealPlan(v1::SysctlPlan& plan) {
  plan.set_id(IdOf(plan));
  for (v1::PlannedHost& host : *plan.mutable_hosts()) Repeat(plan, *host.mutable_set());
}

absl::Status CheckPlan(const v1::SysctlPlan& plan) {
  if (plan.id().empty()) {
    return absl::InvalidArgumentError("is no plan: give a file of 'tcpfleet sysctl plan --save'");
  }
  if (static_cast<size_t>(plan.hosts_size()) > kMostAgents) {
    return absl::InvalidArgumentError(
        absl::StrCat(plan.hosts_size(), " hosts are too many, at most ", kMostAgents));
  }
  absl::flat_hash_set<absl::string_view> names;
  for (const v1::PlannedHost& host : plan.hosts()) {
    if (host.name().empty() || !names.insert(host.name()).second) {
      return absl::InvalidArgumentError(
          host.name().empty() ? "a host has no name"
                              : absl::StrCat("host '", host.name(), "' stands there twice"));
    }
    const absl::Status status = CheckHost(plan, host);
    if (!status.ok()) return base::WithContext(absl::StrCat("host '", host.name(), "'"), status);
  }
  if (plan.id() == IdOf(plan)) return absl::OkStatus();
  return absl::InvalidArgumentError("has been altered since it was made: make a new plan");
}

absl::Status CheckPlanAge(const v1::SysctlPlan& plan, absl::Time now) {
  const absl::Time made = absl::FromUnixSeconds(plan.created_at().seconds()) +
                          absl::Nanoseconds(plan.created_at().nanos());
  if (now - made > kPlanLife) {
    return absl::FailedPreconditionError(
        absl::StrCat("the plan was made ", base::FormatAge(now - made), " ago, at most ",
                     base::FormatAge(kPlanLife), " are allowed: make a new one"));
  }
  if (made - now > kClocksApart) {
    return absl::FailedPreconditionError(
        absl::StrCat("the plan was made ", base::FormatAge(made - now),
                     " in the future: is this host's clock right?"));
  }
  return absl::OkStatus();
}

absl::Status SaveSysctlPlan(const v1::SysctlPlan& plan, const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error) &&
      std::filesystem::file_size(path, error) > 0 && !ReadSysctlPlan(path).ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is there and is no plan: it will not be overwritten"));
  }
  return SaveMessage(plan, path);
}

absl::StatusOr<v1::SysctlPlan> ReadSysctlPlan(const std::string& path) {
  v1::SysctlPlan plan;
  absl::Status status = ReadMessage(path, plan);
  if (absl::IsNotFound(status)) return absl::InvalidArgumentError(status.message());
  TF_RETURN_IF_ERROR(status);
  status = CheckPlan(plan);
  if (!status.ok()) return base::WithContext(path, status);
  return plan;
}

}  // namespace tcpfleet::controller
