/**
 * What ties types that are written down to types that a schema gives.
 * @module
 */

/** `T` of which nothing can be changed. */
export type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;

/** `true` when both say the same, whatever names their parts have. */
export type Same<A, B> = [Flat<A>, Flat<B>] extends [Flat<B>, Flat<A>] ? true : false;

type Flat<T> = T extends object ? { readonly [Key in keyof T]-?: [Optional<T, Key>, Flat<T[Key]>] } : T;
type Optional<T, Key extends keyof T> = object extends Pick<T, Key> ? 'optional' : 'required';

/** Does not compile when `T` is not `true`. */
export type Holds<T extends true> = T;
