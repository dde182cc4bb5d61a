//! scratch
use swarmlab::swarm::world::*;
use swarmlab::engine::*;
fn main() {
    let mut w = World::new(&DataCentre::swarm(0, 3, 3));
    for r in w.env.trace.iter() { println!("{} {:?}", r.at, r.what); }
    println!("now {} handled {}", w.now(), w.env.kernel.handled());
    w.run_until(Time::ZERO + Duration::from_secs(3600));
    println!("now {} handled {} {:?}", w.now(), w.env.kernel.handled(), w.violation());
    println!("{:?}", w.hosts()[0].manager.as_ref().map(|m| (m.raft.role(), m.raft.term(), m.state.index, m.state.nodes.len())));
}
