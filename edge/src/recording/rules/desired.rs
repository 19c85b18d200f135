use std::collections::BTreeMap;

use protocol::line::OLDEST;
use protocol::{Desired, Directive, Report, Scene, StorageKeys, Terms};

use crate::recording::contract::{Effect, Node};
use crate::recording::state::{Recording, Role, Said};

impl Recording {
    /// What a node shall do that has, or had, the lease of `epoch`. It is said to this lease alone: the node may have
    /// another one when it hears it.
    pub(crate) fn desired(&self, role: Role, epoch: u64) -> Desired {
        let nodes = &self.nodes;
        let (directive, terms) = match role {
            Role::Holder => {
                let terms = Terms {
                    standby: nodes.leaver.is_some(),
                    alone: nodes.leaving.as_ref().is_some_and(|leaving| leaving.alone),
                    cuts: BTreeMap::new(),
                };
                (self.goal().into(), terms)
            }
            Role::Successor => {
                let terms = Terms {
                    standby: true,
                    ..Terms::default()
                };
                (self.goal().into(), terms)
            }
            Role::Outsider => {
                let terms = Terms {
                    cuts: nodes.cuts.clone(),
                    ..Terms::default()
                };
                (Directive::Release, terms)
            }
        };
        Desired {
            epoch,
            directive,
            subscription: self.subscription.clone(),
            scene: self.scene_for(role),
            keys: self.renewed_keys(),
            terms,
        }
    }

    /// The scene in force, unless it is one that the node is too old for.
    fn scene_for(&self, role: Role) -> Option<Scene> {
        let lease = match role {
            Role::Holder => self.nodes.lease.as_ref(),
            Role::Successor | Role::Outsider => None,
        };
        let keeps = lease.is_some_and(|lease| lease.keeps_scene);
        let scene = self.scene()?;
        (!keeps || scene.oldest_version() == OLDEST).then(|| scene.clone())
    }

    /// The storage's keys, once they are others than those of the start.
    fn renewed_keys(&self) -> Option<StorageKeys> {
        let spec = self.spec.as_ref().filter(|_| self.renewals > 0)?;
        Some(spec.storage.keys())
    }

    /// What tells what a node of this role is told from what it was told before.
    fn said(&self, role: Role) -> Said {
        let Desired { terms, .. } = self.desired(role, 0);
        Said {
            wanted: match role {
                Role::Holder | Role::Successor => Some(self.goal()),
                Role::Outsider => None,
            },
            subscription: self.subscription.version,
            scene: self.scene_version,
            renewals: self.renewals,
            standby: terms.standby,
            alone: terms.alone,
            slices: match role {
                Role::Holder | Role::Successor => self.inventory.total,
                Role::Outsider => 0,
            },
        }
    }

    /// Tells the holder of the lease what is wanted, as a shortcut to its next report.
    pub(crate) fn send_desired(&mut self, wait_ms: u64, now_ms: u64, out: &mut Vec<Effect>) {
        let said = self.said(Role::Holder);
        if let Some(lease) = &mut self.nodes.lease {
            lease.tell(said, wait_ms, now_ms);
            let (node, epoch) = (lease.node.clone(), lease.epoch);
            self.send(node, Role::Holder, epoch, wait_ms, out);
        }
    }

    /// Tells the node that has been relieved.
    pub(crate) fn tell_leaver(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        let said = self.said(Role::Outsider);
        if let Some(leaver) = &mut self.nodes.leaver {
            leaver.tell(said, 0, now_ms);
            let (node, epoch) = (leaver.node.clone(), leaver.epoch);
            self.send(node, Role::Outsider, epoch, 0, out);
        }
    }

    fn send(&self, node: Node, role: Role, epoch: u64, wait_ms: u64, out: &mut Vec<Effect>) {
        out.push(Effect::SendDesired {
            node,
            sid: self.sid.clone(),
            desired: Box::new(self.desired(role, epoch)),
            wait_ms,
        });
    }

    /// Tells the nodes what they have not been heard to know, and asks after lines that have been quiet for long.
    pub(crate) fn inform(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        let [holder, successor, outsider] = [Role::Holder, Role::Successor, Role::Outsider].map(|role| self.said(role));
        let nodes = &mut self.nodes;
        let leases = [
            (nodes.lease.as_mut(), Role::Holder, holder),
            (
                nodes.successor.as_mut().map(|successor| &mut successor.lease),
                Role::Successor,
                successor,
            ),
            (nodes.leaver.as_mut(), Role::Outsider, outsider),
        ];
        let leases = leases
            .into_iter()
            .filter_map(|(lease, role, said)| Some((lease?, role, said)));
        let dismissed = nodes
            .dismissed
            .iter_mut()
            .map(|lease| (lease, Role::Outsider, outsider));
        let (mut told, mut looked) = (Vec::new(), Vec::new());
        for (lease, role, said) in leases.chain(dismissed) {
            if lease.has_to_be_told(said, now_ms) {
                lease.tell(said, 0, now_ms);
                told.push((lease.node.clone(), role, lease.epoch));
            }
            looked.extend(lease.look(now_ms).map(|line| (lease.node.id.clone(), line)));
        }
        for (node, role, epoch) in told {
            self.send(node, role, epoch, 0, out);
        }
        let look = |(node_id, line)| Effect::Look {
            key: self.key.clone(),
            sid: self.sid.clone(),
            node_id,
            line,
        };
        out.extend(looked.into_iter().map(look));
    }

    /// The answer to a node's report says what is wanted.
    pub(crate) fn answered(&mut self, role: Role, report: &Report) {
        let said = self.said(role);
        let mut leases = self.nodes.leases_mut();
        if let Some(lease) = leases.find(|lease| lease.is_of(&report.node_id, report.epoch)) {
            lease.answered(said);
        }
    }

    /// The node has heard what it was told under the lease of this epoch.
    pub(crate) fn has_heard(&mut self, epoch: u64) {
        self.nodes.dismissed.retain(|lease| lease.epoch != epoch);
        if let Some(lease) = self.nodes.leases_mut().find(|lease| lease.epoch == epoch) {
            lease.has_heard();
        }
    }
}
