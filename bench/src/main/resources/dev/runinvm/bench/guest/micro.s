# What the kernel's basic services cost, without a runtime around them. Assembled to micro.hex by
#   as micro.s -o micro.o && ld -Ttext=0x400000 --oformat binary -o micro.bin micro.o && xxd -p micro.bin
# It is a whole ELF file. Called as
#   micro WORK TIMES
# it does the work so many times and prints the nanoseconds that took. WORK is told by its first letter:
#   s  system calls: getppid
#   f  page faults: the first write to each page of anonymous memory
#   p  processes: fork, exec of this program without arguments (which ends at once), wait
#   c  context switches: a byte to and fro between two processes, by two pipes; TIMES round trips
# It exits with 1 if the kernel refuses anything.
        .intel_syntax noprefix
        .code64
        .set    READ, 0
        .set    WRITE, 1
        .set    CLOSE, 3
        .set    MMAP, 9
        .set    PIPE, 22
        .set    MADVISE, 28
        .set    FORK, 57
        .set    EXECVE, 59
        .set    EXIT, 60
        .set    WAIT4, 61
        .set    GETPPID, 110
        .set    CLOCK_GETTIME, 228
        .set    MONOTONIC, 1

        .globl  _start
elf:    .byte   0x7f, 'E', 'L', 'F', 2, 1, 1, 0 # 64 bits, little-endian
        .quad   0
        .short  2, 62                   # ET_EXEC, x86-64
        .long   1
        .quad   _start, 64, 0           # entry, program headers, no sections
        .long   0
        .short  64, 56, 1, 0, 0, 0
        .long   1, 5                    # PT_LOAD, readable and executable
        .quad   0, elf, elf, end - elf, end - elf, 4096

_start: cmp     qword ptr [rsp], 3
        jne     ended                   # what fork and exec start
        mov     rbp, [rsp + 8]          # argv[0]: this program
        mov     rsi, [rsp + 24]
        xor     r12d, r12d              # TIMES
digit:  movzx   eax, byte ptr [rsi]
        inc     rsi
        sub     eax, '0'
        jl      parsed
        imul    r12, r12, 10
        add     r12, rax
        jmp     digit
parsed: mov     rsi, [rsp + 16]
        mov     r15b, [rsi]
        sub     rsp, 256
        mov     rbx, r12                # turns left
        cmp     r15b, 's'
        je      calls
        cmp     r15b, 'f'
        je      faults
        cmp     r15b, 'p'
        je      processes
        cmp     r15b, 'c'
        je      switches
failed: mov     edi, 1
        jmp     exit
ended:  xor     edi, edi
exit:   mov     eax, EXIT
        syscall

calls:  call    now
        mov     r13, rax
call1:  mov     eax, GETPPID
        syscall
        dec     rbx
        jnz     call1
        jmp     report

faults: xor     edi, edi
        mov     rsi, r12
        shl     rsi, 12
        mov     edx, 3                  # PROT_READ | PROT_WRITE
        mov     r10d, 0x22              # MAP_PRIVATE | MAP_ANONYMOUS
        mov     r8, -1
        xor     r9d, r9d
        mov     eax, MMAP
        syscall
        cmp     rax, -4096
        ja      failed
        mov     r14, rax
        mov     rdi, rax                # a fault for each page, not for each large one; a kernel without them refuses
        mov     rsi, r12
        shl     rsi, 12
        mov     edx, 15                 # MADV_NOHUGEPAGE
        mov     eax, MADVISE
        syscall
        call    now
        mov     r13, rax
fault1: mov     byte ptr [r14], 1
        add     r14, 4096
        dec     rbx
        jnz     fault1
        jmp     report

processes:
        call    now
        mov     r13, rax
        mov     [rsp], rbp              # argv of the child
        mov     qword ptr [rsp + 8], 0
proc1:  mov     eax, FORK
        syscall
        test    rax, rax
        js      failed
        jnz     parent
        mov     rdi, rbp
        mov     rsi, rsp
        lea     rdx, [rsp + 8]          # no environment
        mov     eax, EXECVE
        syscall
        jmp     failed
parent: mov     rdi, rax
        lea     rsi, [rsp + 16]
        xor     edx, edx
        xor     r10d, r10d
        mov     eax, WAIT4
        syscall
        test    rax, rax
        js      failed
        cmp     dword ptr [rsp + 16], 0
        jne     failed
        dec     rbx
        jnz     proc1
        jmp     report

# Descriptors: [rsp] and [rsp + 4] are the pipe to the child, [rsp + 8] and [rsp + 12] the one from it.
switches:
        mov     rdi, rsp
        mov     eax, PIPE
        syscall
        test    rax, rax
        js      failed
        lea     rdi, [rsp + 8]
        mov     eax, PIPE
        syscall
        test    rax, rax
        js      failed
        mov     eax, FORK
        syscall
        test    rax, rax
        js      failed
        jz      child
        call    now
        mov     r13, rax
trip1:  mov     edi, [rsp + 4]
        call    put
        mov     edi, [rsp + 8]
        call    take
        cmp     rax, 1
        jne     failed
        dec     rbx
        jnz     trip1
        jmp     report
child:  mov     edi, [rsp + 4]          # else the end of the pipe never comes
        mov     eax, CLOSE
        syscall
echo1:  mov     edi, [rsp]
        call    take
        cmp     rax, 1
        jne     ended
        mov     edi, [rsp + 12]
        call    put
        jmp     echo1

put:    mov     eax, WRITE
        jmp     move
take:   mov     eax, READ
move:   lea     rsi, [rsp + 72]
        mov     edx, 1
        syscall
        ret

# RAX: nanoseconds of the monotonic clock
now:    mov     edi, MONOTONIC
        lea     rsi, [rsp + 72]
        mov     eax, CLOCK_GETTIME
        syscall
        imul    rax, [rsp + 72], 1000000000
        add     rax, [rsp + 80]
        ret

report: call    now
        sub     rax, r13
        lea     rsi, [rsp + 128]
        mov     byte ptr [rsi], 10
        mov     ecx, 10
        mov     ebx, 1                  # length
next:   xor     edx, edx
        div     rcx
        add     dl, '0'
        dec     rsi
        mov     [rsi], dl
        inc     ebx
        test    rax, rax
        jnz     next
        mov     edi, 1
        mov     edx, ebx
        mov     eax, WRITE
        syscall
        cmp     rax, rbx
        jne     failed
        jmp     ended
end:
