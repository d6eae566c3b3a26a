//! A child that borrows our memory until its exec and may be born in a cgroup: clone3(2) with
//! `CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP` and a stack of its own.
//!
//! Being born in a cgroup costs nothing; being moved there (a write to `cgroup.procs`) waits for a lock of
//! the whole system. glibc's `clone` cannot ask for it, and clone3 has no wrapper that takes a function, so
//! the few instructions between the system call and the function are ours.

use std::io;
use std::mem::MaybeUninit;

use super::cgroup::Leaf;

/// `CLONE_INTO_CGROUP`, Linux 5.7.
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// `struct clone_args`, version 2.
#[repr(C, align(8))]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// What runs in the child; what it returns is the child's exit code.
pub(super) type Entry = extern "C" fn(*mut libc::c_void) -> libc::c_int;

/// Starts `entry(argument)` in a child, in `leaf` where there is one, and returns its pid when the child has
/// executed a program or ended.
///
/// # Safety
/// `entry` makes async-signal-safe calls only, and until the return nobody else may touch what `argument`
/// points to. It is called with our memory: what it writes stays written.
pub(super) unsafe fn borrow_memory(
    leaf: Option<&Leaf>,
    stack: &mut [MaybeUninit<u8>],
    entry: Entry,
    argument: *mut libc::c_void,
) -> io::Result<i32> {
    let flags = libc::CLONE_VM | libc::CLONE_VFORK;
    let result = if let Some(leaf) = leaf {
        let args = CloneArgs {
            flags: flags as u64 | INTO_CGROUP,
            exit_signal: libc::SIGCHLD as u64,
            stack: stack.as_mut_ptr() as u64,
            // The kernel starts at the top and leaves its alignment to us.
            stack_size: (stack.len() - stack.as_ptr_range().end.addr() % 16) as u64,
            cgroup: leaf.dir() as u64,
            ..CloneArgs::default()
        };
        // SAFETY: the stack is ours for the call, the rest is the caller's promise.
        unsafe { clone3(&args, entry, argument) }
    } else {
        // SAFETY: the top of the stack is inside the slice and aligned; the rest is the caller's promise.
        unsafe {
            let top = stack.as_mut_ptr().add(stack.len());
            let top = top.sub(top.addr() % 16);
            match libc::clone(entry, top.cast(), flags | libc::SIGCHLD, argument) {
                -1 => -i64::from(super::fdio::errno()),
                pid => i64::from(pid),
            }
        }
    };
    if result < 0 { Err(io::Error::from_raw_os_error(-result as i32)) } else { Ok(result as i32) }
}

/// The system call, and in the child the call of `entry` on the new stack. Gives the pid or a negative error
/// number.
#[cfg(target_arch = "x86_64")]
unsafe fn clone3(args: &CloneArgs, entry: Entry, argument: *mut libc::c_void) -> i64 {
    let mut result = libc::SYS_clone3;
    // SAFETY: in the parent this is one system call, which changes rax, rcx and r11 alone. The child runs on
    // the stack in `args`, so it never touches our frame or red zone; the kernel keeps its other registers,
    // so r8 and r9 still hold entry and argument; it leaves through exit_group, never past the block.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r9",
            "call r8",
            "mov edi, eax",
            "mov eax, {exit}",
            "syscall",
            "ud2",
            "2:",
            exit = const libc::SYS_exit_group,
            inlateout("rax") result,
            in("rdi") std::ptr::from_ref(args),
            in("rsi") size_of::<CloneArgs>(),
            in("r8") entry,
            in("r9") argument,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    result
}

/// The same for AArch64.
#[cfg(target_arch = "aarch64")]
unsafe fn clone3(args: &CloneArgs, entry: Entry, argument: *mut libc::c_void) -> i64 {
    let mut result = std::ptr::from_ref(args) as i64;
    // SAFETY: as above; the kernel keeps all registers but x0, so x2 and x3 still hold entry and argument.
    unsafe {
        std::arch::asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x3",
            "blr x2",
            "mov x8, {exit}",
            "svc 0",
            "brk 1",
            "2:",
            exit = const libc::SYS_exit_group,
            inlateout("x0") result,
            in("x1") size_of::<CloneArgs>(),
            in("x2") entry,
            in("x3") argument,
            in("x8") libc::SYS_clone3,
        );
    }
    result
}

/// Elsewhere a cgroup is not entered at birth, and the subreaper does alone.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn clone3(_: &CloneArgs, _: Entry, _: *mut libc::c_void) -> i64 {
    -i64::from(libc::ENOSYS)
}
