#include "controller/fleet/inventory.h"

#include <absl/strings/str_cat.h>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "common/sys/file.h"
#include "controller/fleet/fleet.h"
#include "controller/fleet/host_list.h"
#include "controller/fleet/yaml_file.h"

namespace tcpfleet::controller {
namespace {

class InventoryReader {
 public:
  explicit InventoryReader(const std::string& path) : path_(path) {}

  absl::StatusOr<Inventory> Read(const YAML::Node& document) {
    if (document.IsSequence()) {
      for (const YAML::Node& entry : document) TF_RETURN_IF_ERROR(ReadFileSdEntry(entry));
    } else if (document.IsMap()) {
      TF_RETURN_IF_ERROR(CheckKeys(path_, document, {"hosts", "groups"}));
      TF_RETURN_IF_ERROR(ReadHosts(document["hosts"]));
      TF_RETURN_IF_ERROR(ReadGroups(document["groups"]));
    } else {
      return Wrong(document,
                   "an inventory is a mapping with 'hosts', or a Prometheus file_sd list");
    }
    if (inventory_.hosts.empty()) return absl::InvalidArgumentError(path_ + ": no hosts in it");
    TF_RETURN_IF_ERROR(base::WithContext(path_, CheckDistinct(inventory_.hosts)));
    return std::move(inventory_);
  }

 private:
  absl::Status Wrong(const YAML::Node& node, absl::string_view what) const {
    return YamlError(path_, node, what);
  }

  absl::Status Located(const YAML::Node& node, const absl::Status& status) const {
    return status.ok() ? status : Wrong(node, status.message());
  }

  absl::StatusOr<std::vector<std::string>> ReadNames(const YAML::Node& node,
                                                     absl::string_view what) const {
    if (!node.IsScalar()) {
      return Wrong(node,
                   absl::StrCat(what, " must be text; quote names with brackets in a [list]"));
    }
    absl::StatusOr<std::vector<std::string>> names = ExpandHostList(node.Scalar());
    if (!names.ok()) return Located(node, names.status());
    return names;
  }

  absl::StatusOr<std::map<std::string, std::string>> ReadLabels(const YAML::Node& node) const {
    std::map<std::string, std::string> labels;
    if (!node) return labels;
    if (!node.IsMap()) return Wrong(node, "labels must be a mapping: write {role: web, dc: fra}");
    for (const auto& entry : node) {
      if (!entry.first.IsScalar() || !entry.second.IsScalar()) {
        return Wrong(entry.first, "a label is NAME: VALUE");
      }
      if (!labels.emplace(entry.first.Scalar(), entry.second.Scalar()).second) {
        return Wrong(entry.first, absl::StrCat("label '", entry.first.Scalar(), "' comes twice"));
      }
    }
    return labels;
  }

  absl::Status Add(const YAML::Node& node, AgentTarget target) {
    if (inventory_.hosts.size() == kMostAgents) {
      return Wrong(node, absl::StrCat("more than ", kMostAgents, " hosts"));
    }
    inventory_.hosts.push_back(std::move(target));
    return absl::OkStatus();
  }

  absl::Status ReadHosts(const YAML::Node& hosts) {
    if (!hosts) return absl::InvalidArgumentError(path_ + ": 'hosts' is missing");
    if (!hosts.IsSequence()) return Wrong(hosts, "'hosts' must be a list of '- name: ...' entries");
    for (const YAML::Node& host : hosts) TF_RETURN_IF_ERROR(ReadHost(host));
    return absl::OkStatus();
  }

  absl::Status ReadHost(const YAML::Node& host) {
    if (!host.IsMap()) return Wrong(host, "a host is a mapping: write - name: web01");
    TF_RETURN_IF_ERROR(CheckKeys(path_, host, {"name", "address", "labels"}));
    if (!host["name"]) return Wrong(host, "a host needs a 'name'");
    TF_ASSIGN_OR_RETURN(const std::vector<std::string> names, ReadNames(host["name"], "'name'"));
    std::vector<std::string> addresses = names;
    if (host["address"]) {
      TF_ASSIGN_OR_RETURN(addresses, ReadNames(host["address"], "'address'"));
    }
    if (names.size() != addresses.size()) {
      return Wrong(host["address"], absl::StrCat("'address' stands for ", addresses.size(),
                                                 " hosts, 'name' for ", names.size()));
    }
    TF_ASSIGN_OR_RETURN(const auto labels, ReadLabels(host["labels"]));
    for (size_t i = 0; i < names.size(); ++i) {
      absl::StatusOr<std::string> address = AgentAddress(addresses[i]);
      if (!address.ok()) return Located(host, address.status());
      TF_RETURN_IF_ERROR(Add(host, {names[i], *std::move(address), labels}));
    }
    return absl::OkStatus();
  }

  absl::Status ReadGroups(const YAML::Node& groups) {
    if (!groups) return absl::OkStatus();
    if (!groups.IsMap()) return Wrong(groups, "'groups' must be a mapping of names to lists");
    std::vector<std::string> known;
    for (const AgentTarget& host : inventory_.hosts) known.push_back(host.name);
    const std::set<std::string> known_set(known.begin(), known.end());
    for (const auto& group : groups) {
      if (!group.second.IsSequence()) {
        return Wrong(group.second, "a group is a list of host names: write [web01, web02]");
      }
      if (!group.first.IsScalar() || inventory_.groups.count(group.first.Scalar()) > 0) {
        return Wrong(group.first, "a group needs a name of its own");
      }
      std::set<std::string>& members = inventory_.groups[group.first.Scalar()];
      for (const YAML::Node& item : group.second) {
        TF_ASSIGN_OR_RETURN(const std::vector<std::string> names, ReadNames(item, "a host name"));
        for (const std::string& name : names) {
          if (known_set.count(name) == 0) {
            return Wrong(
                item, absl::StrCat("no host is named '", name, "'", base::DidYouMean(name, known)));
          }
          members.insert(name);
        }
      }
    }
    return absl::OkStatus();
  }

  // Source: prometheus.io/docs, file_sd_config.
  absl::Status ReadFileSdEntry(const YAML::Node& entry) {
    if (!entry.IsMap()) return Wrong(entry, "a file_sd entry is a mapping with 'targets'");
    TF_RETURN_IF_ERROR(CheckKeys(path_, entry, {"targets", "labels"}));
    const YAML::Node targets = entry["targets"];
    if (!targets || !targets.IsSequence()) {
      return Wrong(entry, "a file_sd entry needs 'targets': [\"HOST:PORT\", ...]");
    }
    TF_ASSIGN_OR_RETURN(const auto labels, ReadLabels(entry["labels"]));
    for (const YAML::Node& target : targets) {
      if (!target.IsScalar()) return Wrong(target, "a target is text: \"HOST:PORT\"");
      absl::StatusOr<std::vector<AgentTarget>> parsed = ParseAgentList(target.Scalar());
      if (!parsed.ok()) return Located(target, parsed.status());
      for (AgentTarget& agent : *parsed) {
        agent.labels = labels;
        TF_RETURN_IF_ERROR(Add(target, std::move(agent)));
      }
    }
    return absl::OkStatus();
  }

  const std::string path_;
  Inventory inventory_;
};

}  // namespace

absl::StatusOr<Inventory> ParseInventory(const std::string& path, absl::string_view content) {
  Inventory inventory;
  TF_RETURN_IF_ERROR(ReadYaml(path, content, [&](const YAML::Node& document) -> absl::Status {
    TF_ASSIGN_OR_RETURN(inventory, InventoryReader(path).Read(document));
    return absl::OkStatus();
  }));
  return inventory;
}

absl::StatusOr<Inventory> LoadInventory(const std::string& path) {
  const absl::StatusOr<std::string> content = sys::ReadFile(path);
  if (!content.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("inventory: ", content.status().message()));
  }
  return ParseInventory(path, *content);
}

}  // namespace tcpfleet::controller
